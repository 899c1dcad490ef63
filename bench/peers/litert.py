# A worker for LiteRT: see serve.go for what it reads and prints.
import json
import sys
import time

try:
    from importlib.metadata import version

    import numpy
    from ai_edge_litert.interpreter import Interpreter

    runs = []
    for name in sys.argv[1:]:
        interpreter = Interpreter(model_path=name, num_threads=1)
        interpreter.allocate_tensors()
        random = numpy.random.default_rng(1)
        for tensor in interpreter.get_input_details():
            x = random.integers(-128, 128, size=tensor["shape"]).astype(tensor["dtype"])
            interpreter.set_tensor(tensor["index"], x)
        runs.append(interpreter.invoke)
    print(json.dumps({"version": version("ai-edge-litert")}), flush=True)
except Exception as error:
    print(json.dumps({"version": "", "error": str(error)}), flush=True)
    sys.exit(0)

for line in sys.stdin:
    file, n = map(int, line.split())
    run = runs[file]
    run()
    begin = time.thread_time_ns()
    for _ in range(n):
        run()
    print(time.thread_time_ns() - begin, flush=True)
