import toy_framework

agent = toy_framework.ToyAgent("toy")
other = object()
