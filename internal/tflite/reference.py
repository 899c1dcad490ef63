"""Runs NAME.tflite in a folder on NAME.in with TFLite's reference kernels and writes
NAME.ref: the output of the last operator that is not a SOFTMAX or DEQUANTIZE, int8."""
import glob, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

for path in sorted(glob.glob(sys.argv[1] + "/*.tflite")):
    it = Interpreter(model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, experimental_preserve_all_tensors=True)
    it.allocate_tensors()
    i = it.get_input_details()[0]
    if i["dtype"] == np.float32:
        for op in it._get_ops_details():
            if op["op_name"] == "QUANTIZE" and list(op["inputs"]) == [i["index"]]:
                q = it._get_tensor_details(op["outputs"][0], 0)["quantization"]
    out = it.get_output_details()[0]["index"]
    for op in reversed(it._get_ops_details()):
        if op["op_name"] in ("SOFTMAX", "DEQUANTIZE") and list(op["outputs"]) == [out]:
            out = op["inputs"][0]
    x = np.fromfile(path[:-7] + ".in", np.int8).reshape([-1] + list(i["shape"][1:]))
    y = []
    for s in x:
        s = s[None]
        if i["dtype"] == np.float32:
            s = ((s.astype(np.float32) - q[1]) * np.float32(q[0])).astype(np.float32)
        it.set_tensor(i["index"], s)
        it.invoke()
        y.append(it.get_tensor(out).copy())
    np.concatenate(y).astype(np.int8).tofile(path[:-7] + ".ref")
