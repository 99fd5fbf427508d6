return op[ARGV[1]](cjson.decode(ARGV[2]))
