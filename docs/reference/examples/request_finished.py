from collections import Counter

from agentos import hookimpl

answers = Counter()


@hookimpl
def request_finished(request):
    answers[request.route, request.status] += 1
