"""Runs the .tflite files of a folder with TFLite's built-in kernels on the inputs of
floatInput, and prints their outputs as JSON: for each network a list of lists."""
import glob, json, math, os, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

results = {}
for path in sorted(glob.glob(sys.argv[1] + "/*.tflite")):
    it = Interpreter(model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    it.allocate_tensors()
    i = it.get_input_details()[0]
    n = int(np.prod(i["shape"]))
    it.set_tensor(i["index"], np.array([np.float32(math.sin(7 * k + 1)) * np.float32(2) for k in range(n)], np.float32).reshape(i["shape"]))
    it.invoke()
    results[os.path.basename(path)[:-7]] = [[float("%.7g" % v) for v in it.get_tensor(o["index"]).ravel()] for o in it.get_output_details()]
print(json.dumps(results))
