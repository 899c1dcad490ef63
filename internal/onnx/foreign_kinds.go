package onnx

import (
	"path/filepath"
	"strconv"
	"strings"
)

// foreignKind is what is said of a file of another tool. In both texts, {IN} stands for
// the file or folder, {OUT} for the ONNX file to make of it, {DIR} for the file's folder and
// {BASE} for its name. In double quotes they are Go, Python and C strings, elsewhere words
// of a shell command.
type foreignKind struct {
	is     string // "this is ..."
	remedy string
}

// exportTorch is how a PyTorch module becomes ONNX.
const exportTorch = `torch.onnx.export(model.eval(), example, "{OUT}") with an example input`

// foreignKinds has the formats by their keys. The commands are those of the tools' own
// documentation: keras.io (Model.export), tf2onnx's README, torch.onnx, Hugging Face
// Optimum, sklearn-onnx, onnxmltools, paddle2onnx.
var foreignKinds = map[string]foreignKind{
	"keras":         {"a Keras model", `export it: python -c 'import keras; keras.models.load_model("{IN}").export("{OUT}", format="onnx")'`},
	"hdf5":          {"an HDF5 file, as Keras writes them", `export it: python -m tf2onnx.convert --keras {IN} --output {OUT}, or in Keras 3 keras.models.load_model("{IN}").export("{OUT}", format="onnx")`},
	"keras weights": {"a file of Keras weights without the network", `load them into the model (model.load_weights("{IN}")) and export it: model.export("{OUT}", format="onnx")`},
	"saved model":   {"a TensorFlow SavedModel", "convert it: python -m tf2onnx.convert --saved-model {IN} --output {OUT}"},
	"saved model file": {"the graph of a TensorFlow SavedModel, without its variables",
		"convert its folder: python -m tf2onnx.convert --saved-model {DIR} --output {OUT}"},
	"zipped saved model": {"a zip archive with a TensorFlow SavedModel", "unpack it, and convert the folder: python -m tf2onnx.convert --saved-model FOLDER --output {OUT}"},
	"frozen graph":       {"a frozen TensorFlow graph", "convert it, with the names of its inputs and outputs: python -m tf2onnx.convert --graphdef {IN} --inputs x:0 --outputs y:0 --output {OUT}"},
	"tf checkpoint":      {"a part of a TensorFlow checkpoint", "export the model as a SavedModel (model.export(\"FOLDER\")), and convert that: python -m tf2onnx.convert --saved-model FOLDER --output {OUT}"},
	"tfjs":               {"a TensorFlow.js model", "convert it: python -m tf2onnx.convert --tfjs {IN} --output {OUT}"},
	"tflite":             {"a TensorFlow Lite file", "edgec pack {IN} -o {BASE}.edgec shrinks one that is int8; for edgec compress give the float network: python -m tf2onnx.convert --tflite {IN} --output {OUT}"},
	"old tflite":         {"a TensorFlow Lite file of an old schema", "edgec reads schema 3 (identifier TFL3, since 2017): convert the network again with a current TensorFlow"},
	"torch":              {"a PyTorch checkpoint", "load it into the module and export that: " + exportTorch},
	"torchscript":        {"a TorchScript archive", `export it: torch.onnx.export(torch.jit.load("{IN}"), example, "{OUT}", dynamo=False) with an example input`},
	"pt2":                {"a PyTorch exported program", `export it: torch.onnx.export(torch.export.load("{IN}"), dynamo=True).save("{OUT}")`},
	"yolo":               {"a YOLO checkpoint of PyTorch", "export it: yolo export model={IN} format=onnx"},
	"safetensors":        {"a safetensors file: weights without the network", "export the model of its folder: optimum-cli export onnx --model {DIR} onnx/, or load the weights into the module and call " + exportTorch},
	"transformers":       {"a folder of Hugging Face Transformers", "export it: optimum-cli export onnx --model {IN} onnx/"},
	"gguf":               {"a GGUF file: weights of a language model for llama.cpp", "edgec compresses small networks of convolutions and dense layers; export the network in its framework: " + exportTorch},
	"pickle":             {"a Python pickle, as scikit-learn and joblib write them", `export the object: skl2onnx.to_onnx(joblib.load("{IN}"), X[:1].astype("float32")), and write its SerializeToString() to {OUT}`},
	"coreml":             {"a Core ML model", `export the network it was made from; an old one of neuralNetwork type converts: onnxmltools.convert_coreml(coremltools.utils.load_spec("{IN}"))`},
	"ort":                {"a file in ONNX Runtime's ORT format", "it cannot be converted back; give the .onnx file that it was made from"},
	"engine":             {"a TensorRT engine, which is bound to one GPU", "it cannot be converted back; give the .onnx file that it was built from"},
	"pte":                {"an ExecuTorch program", "it cannot be converted back; export the module that it was made from: " + exportTorch},
	"rknn":               {"an RKNN file for Rockchip's accelerators", "it cannot be converted back; give the .onnx file that it was made from"},
	"openvino":           {"an OpenVINO model", "it cannot be converted back; give the .onnx file that it was made from"},
	"ncnn":               {"an ncnn model", "it cannot be converted back; give the .onnx file that it was made from"},
	"mnn":                {"an MNN model", "it cannot be converted back; give the .onnx file that it was made from"},
	"paddle":             {"a PaddlePaddle model", "convert it: paddle2onnx --model_dir {DIR} --model_filename {BASE}.pdmodel --params_filename {BASE}.pdiparams --save_file {OUT}"},
	"caffe":              {"a Caffe model", "edgec reads ONNX only; train or export the network in PyTorch or Keras"},
	"darknet":            {"a Darknet file", "edgec reads ONNX only; load the weights in PyTorch and export them: " + exportTorch},
	"zipped onnx":        {"a zip archive with an ONNX file", "unpack it first: unzip {IN}"},
	"zip":                {"a zip archive", "give the .onnx file; a PyTorch checkpoint becomes one by " + exportTorch},
	"gzip":               {"a gzip file", "unpack it first: gunzip {IN}"},
	"archive":            {"an archive", "unpack it first, and give the .onnx file in it"},
	"array":              {"a file of NumPy arrays: data, no network", "give the network first and the arrays with --data"},
	"picture":            {"a picture", "give the .onnx file of the network"},
	"lfs":                {"a Git LFS pointer, not the model itself", "fetch the model: git lfs pull"},
	"html":               {"a web page, not the file behind the link", "download the file itself: on GitHub \"Download raw file\", on Hugging Face the URL with /resolve/"},
	"delta":              {"a delta between two .edgec files, not a network", "apply it: edgec patch OLD.edgec {IN} -o NEW.edgec"},
	"text":               {"a text file", "give the .onnx file that the training framework exports"},
}

// nameKinds are the formats that a file's name stands for.
var nameKinds = map[string]string{
	".keras": "keras", ".h5": "hdf5", ".hdf5": "hdf5", ".pb": "frozen graph", ".pbtxt": "frozen graph",
	".safetensors": "safetensors", ".gguf": "gguf", ".ggml": "gguf",
	".pth": "torch", ".pt": "torch", ".ckpt": "torch", ".torchscript": "torchscript", ".pt2": "pt2",
	".joblib": "pickle", ".pkl": "pickle", ".pickle": "pickle",
	".mlmodel": "coreml", ".mlpackage": "coreml", ".mlmodelc": "coreml",
	".tflite": "tflite", ".ort": "ort", ".engine": "engine", ".plan": "engine", ".trt": "engine", ".pte": "pte",
	".rknn": "rknn", ".mnn": "mnn", ".pdmodel": "paddle", ".pdiparams": "paddle",
	".edd": "delta", ".caffemodel": "caffe", ".prototxt": "caffe", ".weights": "darknet",
}

// nameKind returns the key of the format that a name stands for, or the default if there
// is one, or "".
func nameKind(name string, otherwise ...string) string {
	base := strings.ToLower(filepath.Base(name))
	if base == "saved_model.pb" {
		return "saved model file"
	}
	if strings.HasSuffix(base, ".index") || strings.Contains(base, ".data-00000-of-") || strings.HasSuffix(base, ".ckpt.meta") {
		return "tf checkpoint"
	}
	if strings.HasPrefix(base, "yolo") && strings.HasSuffix(base, ".pt") {
		return "yolo"
	}
	if key, ok := nameKinds[filepath.Ext(base)]; ok {
		return key
	}
	if len(otherwise) > 0 {
		return otherwise[0]
	}
	return ""
}

// said is what is said of the file or folder at path, which is of the kind key.
func said(key, path string) string {
	k := foreignKinds[key]
	if key == "torch" && nameKind(path) == "yolo" {
		k = foreignKinds["yolo"]
	}
	base := filepath.Base(path)
	if full, err := filepath.Abs(path); err == nil { // of ., the folder's name
		base = filepath.Base(full)
	}
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if base == "saved_model" || base == "model" && key == "saved model file" {
		base = "model"
	}
	out := base + ".onnx"
	if filepath.Base(path) == out { // which must not be overwritten
		out = base + "-exported.onnx"
	}
	text := "this is " + k.is + ", not ONNX; " + k.remedy
	if strings.Contains(k.is, ", not ") || strings.Contains(k.is, ", no ") {
		text = "this is " + k.is + "; " + k.remedy
	}
	return strings.NewReplacer(`"{IN}"`, strconv.Quote(path), "{IN}", word(path), `"{OUT}"`, strconv.Quote(out), "{OUT}", word(out),
		"{DIR}", word(filepath.Dir(path)), "{BASE}", base).Replace(text)
}

// word is a path as a word of a shell command.
func word(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,@%=:~") == "" && path != "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
