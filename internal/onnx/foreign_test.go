package onnx

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// zipOf is an archive with empty files of these names.
func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// messageField is a protobuf field of bytes.
func messageField(num protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), bytes.Join(parts, nil))
}

// version is a protobuf field 1 of a small number.
func version(n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), n)
}

func foreignFiles(t testing.TB) map[string][]byte {
	safetensors := append(binary.LittleEndian.AppendUint64(nil, 16), `{"w":{"dtype":1}}  more`...)
	return map[string][]byte{
		"keras":         zipOf(t, "metadata.json", "config.json", "model.weights.h5"),
		"hdf5":          []byte("\x89HDF\r\n\x1a\n\x00\x00 model_config {...}"),
		"keras weights": []byte("\x89HDF\r\n\x1a\n\x00\x00 layer_names"),
		"saved model":   append(version(1), messageField(2, messageField(1, messageField(4, []byte("serve"))))...),
		"frozen graph":  messageField(1, messageField(1, []byte("input")), messageField(2, []byte("Placeholder"))),
		"tfjs":          []byte(`{"format": "layers-model", "modelTopology": {}, "weightsManifest": []}`),
		"tflite":        []byte("\x1c\x00\x00\x00TFL3 and more"),
		"old tflite":    []byte("\x1c\x00\x00\x00TFL2 and more"),
		"torch":         zipOf(t, "net/data.pkl", "net/data/0", "net/version"),
		"old torch":     []byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."),
		"torchscript":   zipOf(t, "net/data.pkl", "net/constants.pkl", "net/code/__torch__.py"),
		"pt2":           zipOf(t, "net/models/model.json", "net/data/weights/weight_0"),
		"safetensors":   safetensors,
		"gguf":          []byte("GGUF\x03\x00\x00\x00"),
		"pickle":        []byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x10sklearn.pipeline"),
		"coreml":        append(append(version(4), messageField(2, messageField(1, []byte("input")))...), messageField(403, []byte{1, 2, 3})...),
		"ort":           []byte("\x18\x00\x00\x00ORTM\x00\x00"),
		"engine":        []byte("ftrt\x00\x00\x00\x00\xe8"),
		"pte":           []byte("\x30\x00\x00\x00ET12\x00"),
		"openvino":      []byte(`<?xml version="1.0"?>` + "\n" + `<net name="m" version="11">`),
		"ncnn":          []byte("7767517\n75 83\nInput data 0 1 data"),
		"zipped onnx":   zipOf(t, "net/m.onnx"),
		"saved zip":     zipOf(t, "net/saved_model.pb", "net/variables/variables.index"),
		"npz":           zipOf(t, "x.npy", "y.npy"),
		"gzip":          []byte("\x1f\x8b\x08\x00"),
		"tar":           append(make([]byte, 257), "ustar\x0000"...),
		"picture":       []byte("\x89PNG\r\n\x1a\n"),
		"lfs":           []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
		"html":          []byte("\n<!DOCTYPE html>\n<html lang=\"en\">"),
		"text":          []byte("hello, this is a text\n"),
		"nothing":       {0xff, 0xfe, 0xfd, 0xfc, 0, 1, 2, 3, 4, 5},
	}
}

const (
	fromTorch = `torch.onnx.export(model.eval(), example, "m.onnx") with an example input`
	noWayBack = "it cannot be converted back; give the .onnx file that it was "
)

// A network of another tool is recognized by its content, whatever its name is, and the
// message has the command that exports it.
func TestForeign(t *testing.T) {
	t.Chdir(t.TempDir())
	files := foreignFiles(t)
	for _, c := range []struct{ kind, name, want string }{
		{"keras", "m.keras", `this is a Keras model, not ONNX; export it: python -c 'import keras; keras.models.load_model("m.keras").export("m.onnx", format="onnx")'`},
		{"keras", "m.onnx", `this is a Keras model, not ONNX; export it: python -c 'import keras; keras.models.load_model("m.onnx").export("m-exported.onnx", format="onnx")'`},
		{"hdf5", "m.h5", `this is an HDF5 file, as Keras writes them, not ONNX; export it: python -m tf2onnx.convert --keras m.h5 --output m.onnx, or in Keras 3 keras.models.load_model("m.h5").export("m.onnx", format="onnx")`},
		{"hdf5", "m.hdf5", `this is an HDF5 file, as Keras writes them, not ONNX; export it: python -m tf2onnx.convert --keras m.hdf5 --output m.onnx, or in Keras 3 keras.models.load_model("m.hdf5").export("m.onnx", format="onnx")`},
		{"keras weights", "m.weights.h5", `this is a file of Keras weights without the network, not ONNX; load them into the model (model.load_weights("m.weights.h5")) and export it: model.export("m.weights.onnx", format="onnx")`},
		{"saved model", "saved_model.pb", "this is the graph of a TensorFlow SavedModel, without its variables, not ONNX; convert its folder: python -m tf2onnx.convert --saved-model . --output model.onnx"},
		{"saved model", "m.onnx", "this is the graph of a TensorFlow SavedModel, without its variables, not ONNX; convert its folder: python -m tf2onnx.convert --saved-model . --output m-exported.onnx"},
		{"frozen graph", "my net.pb", "this is a frozen TensorFlow graph, not ONNX; convert it, with the names of its inputs and outputs: python -m tf2onnx.convert --graphdef 'my net.pb' --inputs x:0 --outputs y:0 --output 'my net.onnx'"},
		{"frozen graph", "m.onnx", "this is a frozen TensorFlow graph, not ONNX; convert it, with the names of its inputs and outputs: python -m tf2onnx.convert --graphdef m.onnx --inputs x:0 --outputs y:0 --output m-exported.onnx"},
		{"tfjs", "model.json", "this is a TensorFlow.js model, not ONNX; convert it: python -m tf2onnx.convert --tfjs model.json --output model.onnx"},
		{"tflite", "m.tflite", "this is a TensorFlow Lite file, not ONNX; edgec pack m.tflite -o m.edgec shrinks one that is int8; for edgec compress give the float network: python -m tf2onnx.convert --tflite m.tflite --output m.onnx"},
		{"old tflite", "m.tflite", "this is a TensorFlow Lite file of an old schema, not ONNX; edgec reads schema 3 (identifier TFL3, since 2017): convert the network again with a current TensorFlow"},
		{"torch", "m.pth", "this is a PyTorch checkpoint, not ONNX; load it into the module and export that: " + fromTorch},
		{"torch", "m.ckpt", "this is a PyTorch checkpoint, not ONNX; load it into the module and export that: " + fromTorch},
		{"torch", "m.onnx", "this is a PyTorch checkpoint, not ONNX; load it into the module and export that: " + strings.Replace(fromTorch, "m.onnx", "m-exported.onnx", 1)},
		{"torch", "yolov8n.pt", "this is a YOLO checkpoint of PyTorch, not ONNX; export it: yolo export model=yolov8n.pt format=onnx"},
		{"old torch", "m.pt", "this is a PyTorch checkpoint, not ONNX; load it into the module and export that: " + fromTorch},
		{"torchscript", "m.pt", `this is a TorchScript archive, not ONNX; export it: torch.onnx.export(torch.jit.load("m.pt"), example, "m.onnx", dynamo=False) with an example input`},
		{"pt2", "m.pt2", `this is a PyTorch exported program, not ONNX; export it: torch.onnx.export(torch.export.load("m.pt2"), dynamo=True).save("m.onnx")`},
		{"safetensors", "m.safetensors", "this is a safetensors file: weights without the network, not ONNX; export the model of its folder: optimum-cli export onnx --model . onnx/, or load the weights into the module and call " + fromTorch},
		{"gguf", "m.gguf", "this is a GGUF file: weights of a language model for llama.cpp, not ONNX; edgec compresses small networks of convolutions and dense layers; export the network in its framework: " + fromTorch},
		{"pickle", "m.joblib", `this is a Python pickle, as scikit-learn and joblib write them, not ONNX; export the object: skl2onnx.to_onnx(joblib.load("m.joblib"), X[:1].astype("float32")), and write its SerializeToString() to m.onnx`},
		{"pickle", "m.pkl", `this is a Python pickle, as scikit-learn and joblib write them, not ONNX; export the object: skl2onnx.to_onnx(joblib.load("m.pkl"), X[:1].astype("float32")), and write its SerializeToString() to m.onnx`},
		{"gzip", "m.joblib", `this is a Python pickle, as scikit-learn and joblib write them, not ONNX; export the object: skl2onnx.to_onnx(joblib.load("m.joblib"), X[:1].astype("float32")), and write its SerializeToString() to m.onnx`},
		{"coreml", "m.mlmodel", `this is a Core ML model, not ONNX; export the network it was made from; an old one of neuralNetwork type converts: onnxmltools.convert_coreml(coremltools.utils.load_spec("m.mlmodel"))`},
		{"ort", "m.ort", "this is a file in ONNX Runtime's ORT format, not ONNX; " + noWayBack + "made from"},
		{"ort", "m.onnx", "this is a file in ONNX Runtime's ORT format, not ONNX; " + noWayBack + "made from"},
		{"engine", "m.engine", "this is a TensorRT engine, which is bound to one GPU, not ONNX; " + noWayBack + "built from"},
		{"pte", "m.pte", "this is an ExecuTorch program, not ONNX; it cannot be converted back; export the module that it was made from: " + fromTorch},
		{"openvino", "m.xml", "this is an OpenVINO model, not ONNX; " + noWayBack + "made from"},
		{"ncnn", "m.param", "this is an ncnn model, not ONNX; " + noWayBack + "made from"},
		{"zipped onnx", "m.zip", "this is a zip archive with an ONNX file, not ONNX; unpack it first: unzip m.zip"},
		{"saved zip", "m.zip", "this is a zip archive with a TensorFlow SavedModel, not ONNX; unpack it, and convert the folder: python -m tf2onnx.convert --saved-model FOLDER --output m.onnx"},
		{"npz", "m.npz", "this is a file of NumPy arrays: data, no network; give the network first and the arrays with --data"},
		{"gzip", "m.onnx.gz", "this is a gzip file, not ONNX; unpack it first: gunzip m.onnx.gz"},
		{"tar", "m.tar", "this is an archive, not ONNX; unpack it first, and give the .onnx file in it"},
		{"picture", "m.png", "this is a picture, not ONNX; give the .onnx file of the network"},
		{"lfs", "m.onnx", "this is a Git LFS pointer, not the model itself; fetch the model: git lfs pull"},
		{"html", "m.onnx", `this is a web page, not the file behind the link; download the file itself: on GitHub "Download raw file", on Hugging Face the URL with /resolve/`},
		{"text", "m.onnx", "this is a text file, not ONNX; give the .onnx file that the training framework exports"},
		{"nothing", "m.edd", "this is a delta between two .edgec files, not a network; apply it: edgec patch OLD.edgec m.edd -o NEW.edgec"},
		{"nothing", "m.engine", "this is a TensorRT engine, which is bound to one GPU, not ONNX; " + noWayBack + "built from"},
		{"nothing", "m.pdmodel", "this is a PaddlePaddle model, not ONNX; convert it: paddle2onnx --model_dir . --model_filename m.pdmodel --params_filename m.pdiparams --save_file m.onnx"},
		{"nothing", "model.ckpt.index", "this is a part of a TensorFlow checkpoint, not ONNX; export the model as a SavedModel (model.export(\"FOLDER\")), and convert that: python -m tf2onnx.convert --saved-model FOLDER --output model.ckpt.onnx"},
		{"", "m.keras", `the file is empty; by its name this is a Keras model, not ONNX; export it: python -c 'import keras; keras.models.load_model("m.keras").export("m.onnx", format="onnx")'`},
		{"", "m.onnx", "the file is empty; export the model again"},
	} {
		data := files[c.kind]
		if err := os.WriteFile(c.name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		want := "onnx: " + c.name + ": " + c.want
		if _, _, err := Read(c.name); err == nil || err.Error() != want {
			t.Errorf("%s as %s:\n%v\nwant %s", c.kind, c.name, err, want)
		}
		if _, err := Decode(data, c.name); err == nil || err.Error() != want {
			t.Errorf("%s as %s, from memory:\n%v\nwant %s", c.kind, c.name, err, want)
		}
	}
}

// A folder that holds a network is recognized too.
func TestForeignFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		dir   string
		files []string
		want  string
	}{
		{"saved", []string{"saved_model.pb", "variables/variables.index"}, "this is a TensorFlow SavedModel, not ONNX; convert it: python -m tf2onnx.convert --saved-model saved --output saved.onnx"},
		{"m.mlpackage", []string{"Manifest.json", "Data/x"}, `this is a Core ML model, not ONNX; export the network it was made from; an old one of neuralNetwork type converts: onnxmltools.convert_coreml(coremltools.utils.load_spec("m.mlpackage"))`},
		{"bert", []string{"config.json", "model.safetensors"}, "this is a folder of Hugging Face Transformers, not ONNX; export it: optimum-cli export onnx --model bert onnx/"},
		{"vit", []string{"config.json", "pytorch_model.bin"}, "this is a folder of Hugging Face Transformers, not ONNX; export it: optimum-cli export onnx --model vit onnx/"},
		{"js", []string{"model.json", "group1-shard1of1.bin"}, "this is a TensorFlow.js model, not ONNX; convert it: python -m tf2onnx.convert --tfjs js/model.json --output model.onnx"},
		{"exports", []string{"net.onnx"}, "is a folder; give the file in it: exports/net.onnx"},
		{"several", []string{"a.onnx", "b.onnx"}, "is a folder; give one of the files in it, such as several/a.onnx"},
		{"[1] odd*", []string{"net.onnx"}, "is a folder; give the file in it: [1] odd*/net.onnx"},
		{"other", []string{"readme.txt"}, ""},
	} {
		for _, name := range c.files {
			path := filepath.Join(c.dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := Folder(c.dir); got != c.want {
			t.Errorf("%s: %q\nwant %q", c.dir, got, c.want)
		}
	}
	if _, _, err := Read("saved"); err == nil || err.Error() != "onnx: saved: this is a TensorFlow SavedModel, not ONNX; convert it: python -m tf2onnx.convert --saved-model saved --output saved.onnx" {
		t.Errorf("read: %v", err)
	}
	if _, _, err := Read("other"); err == nil || err.Error() != "onnx: other: it is a folder; give the .onnx file" {
		t.Errorf("read: %v", err)
	}
	t.Chdir("saved")
	if got, want := Folder("."), "this is a TensorFlow SavedModel, not ONNX; convert it: python -m tf2onnx.convert --saved-model . --output saved.onnx"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// A long path does not cut the command off.
func TestForeignLongPath(t *testing.T) {
	path := strings.Repeat("folder/", 20) + "m.h5"
	want := "onnx: " + path + `: this is an HDF5 file, as Keras writes them, not ONNX; export it: python -m tf2onnx.convert --keras ` + path + ` --output m.onnx, or in Keras 3 keras.models.load_model("` + path + `").export("m.onnx", format="onnx")`
	if _, err := Decode(foreignFiles(t)["hdf5"], path); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// No bytes stop the recognition, and what it says is one line.
func FuzzForeign(f *testing.F) {
	for _, data := range foreignFiles(f) {
		f.Add(data, "m.onnx")
		f.Add(data[:len(data)/2], "m.pt")
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		err := &Error{File: name, Msg: Foreign(name, data)}
		if strings.Contains(err.Error(), "\n") && !strings.Contains(name, "\n") {
			t.Errorf("%q", err.Error())
		}
	})
}

// Each kind has what to do about it, and each name and magic stands for a kind.
func TestForeignKinds(t *testing.T) {
	for key, k := range foreignKinds {
		text := said(key, "dir/m.x")
		if k.is == "" || k.remedy == "" || strings.ContainsAny(strings.ReplaceAll(text, "{...}", ""), "{}") {
			t.Errorf("%s: %s", key, text)
		}
	}
	for ext, key := range nameKinds {
		if _, ok := foreignKinds[key]; !ok {
			t.Errorf("%s stands for %q, which nothing is said of", ext, key)
		}
	}
	for _, k := range binaryKinds {
		if _, ok := foreignKinds[k.key]; !ok {
			t.Errorf("%q stands for %q, which nothing is said of", k.magic, k.key)
		}
	}
}
