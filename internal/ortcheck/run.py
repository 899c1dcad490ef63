"""Checks and runs ONNX files with the packages onnx and onnxruntime.

usage: run.py FOLDER

For each FOLDER/NAME.onnx: onnx.checker with shape inference, then ONNX Runtime
on the samples NAME.in0, NAME.in1, ... (float32, as many as the files hold), one
file for each input. Output k of all samples is written to NAME.plain.k with graph
optimizations off (every QuantizeLinear and DequantizeLinear is executed as it
stands) and to NAME.fused.k with all of them on (integer kernels, as a program would
usually run it). Where NAME.single exists, the samples are run one by one and open
sizes are 1, so that it does not matter which dimension is the batch.

The entry x64quantprecision asks for kernels that add exactly: the default ones
for uint8 activations and int8 weights clip sums of two products to 16 bits on
x86 processors without VNNI, so that a result would depend on the processor.
"""
import pathlib
import sys

import numpy
import onnx
import onnxruntime as ort

LEVELS = {
    "plain": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "fused": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
BATCH = 100  # where the model leaves it open

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:
        sys.exit(f"{path.stem}: onnx.checker: {error}")
    for name, level in LEVELS.items():
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            sys.exit(f"{path.stem}, {name}: {error}")
        single = path.with_suffix(".single").exists()
        batches = {}
        for i, entry in enumerate(session.get_inputs()):
            samples = numpy.fromfile(path.with_suffix(f".in{i}"), numpy.float32)
            shape = [d if isinstance(d, int) else 1 for d in entry.shape]
            if single:
                batches[entry.name] = samples.reshape([-1] + shape)
                continue
            size = shape[0] if isinstance(entry.shape[0], int) else BATCH
            samples = samples.reshape([-1] + shape[1:])
            batches[entry.name] = [samples[at:at + size] for at in range(0, len(samples), size)]
        results = [session.run(None, dict(zip(batches, step))) for step in zip(*batches.values())]
        for k in range(len(session.get_outputs())):
            with open(path.with_suffix(f".{name}.{k}"), "wb") as out:
                for result in results:
                    result[k].tofile(out)
print("onnx", onnx.__version__, "onnxruntime", ort.__version__)
