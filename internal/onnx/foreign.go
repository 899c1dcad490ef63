package onnx

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Networks of other tools that people give instead of ONNX. A file is recognized by its
// content, and by its name only if the content says nothing.

// headSize is the part of a file that is searched for what it is.
const headSize = 1 << 20

// binaryKind is a format that no ONNX file can begin like.
var binaryKinds = []struct {
	at    int // offset of the magic
	magic string
	key   string
}{
	{0, "\x89HDF\r\n\x1a\n", "hdf5"},
	{0, "PK\x03\x04", "zip"},
	{0, "GGUF", "gguf"},
	{0, "\x80\x02\x8a\x0al\xfc\x9cF\xf9", "torch"}, // the magic number of torch.save before version 1.6
	{0, "\x80\x02", "pickle"},
	{0, "\x80\x03", "pickle"},
	{0, "\x80\x04", "pickle"},
	{0, "\x80\x05", "pickle"},
	{0, "ftrt", "engine"},
	{0, "ptrt", "engine"},
	{0, "RKNN", "rknn"},
	{4, "ORTM", "ort"},
	{4, "TFL", "tflite"},
	{4, "ET12", "pte"},
	{0, "\x1f\x8b", "gzip"},
	{0, "BZh", "archive"},
	{0, "\xfd7zXZ\x00", "archive"},
	{0, "\x28\xb5\x2f\xfd", "archive"}, // Zstandard
	{0, "7z\xbc\xaf\x27\x1c", "archive"},
	{257, "ustar", "archive"},
	{0, "\x89PNG", "picture"},
	{0, "\xff\xd8\xff", "picture"},
	{0, "\x93NUMPY", "array"},
}

// binaryKind returns the key of a file that is certainly no ONNX, "" for others. r reads
// the whole file of size bytes.
func binaryKind(head []byte, r io.ReaderAt, size int64, name string) string {
	key := ""
	for _, k := range binaryKinds {
		if len(head) >= k.at && bytes.HasPrefix(head[k.at:], []byte(k.magic)) {
			key = k.key
			break
		}
	}
	switch key {
	case "":
		if isSafetensors(head, size) {
			return "safetensors"
		}
	case "zip":
		return zipKind(r, size, name)
	case "hdf5":
		if !bytes.Contains(head, []byte("model_config")) && strings.HasSuffix(strings.ToLower(name), ".weights.h5") {
			return "keras weights"
		}
	case "pickle":
		if ext := nameKind(name); ext == "torch" {
			return ext
		}
	case "tflite":
		if len(head) < 8 || head[7] < '0' || head[7] > '9' {
			return ""
		}
		if head[7] != '3' {
			return "old tflite"
		}
	case "gzip", "archive":
		if nameKind(name) == "pickle" { // joblib.dump with compress
			return "pickle"
		}
	}
	return key
}

// isSafetensors reports whether a file begins with the length of a JSON header, and the
// header.
func isSafetensors(head []byte, size int64) bool {
	if len(head) < 10 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n < uint64(size) && head[8] == '{' && (head[9] == '"' || head[9] == ' ' || head[9] == '}')
}

// zipKind tells apart the formats that are zip archives, by the names in them.
func zipKind(r io.ReaderAt, size int64, name string) string {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nameKind(name, "zip")
	}
	has := func(match func(name string) bool) bool {
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return match(f.Name) })
	}
	suffix := func(s string) func(string) bool {
		return func(name string) bool { return strings.HasSuffix("/"+name, s) }
	}
	switch {
	case has(suffix("/model.weights.h5")) || has(suffix("/config.json")) && has(suffix("/metadata.json")):
		return "keras"
	case has(suffix("/serialized_exported_program.json")) || has(suffix("/models/model.json")):
		return "pt2"
	case has(suffix("/data.pkl")) && has(func(name string) bool { return strings.Contains(name, "/code/") }):
		return "torchscript"
	case has(suffix("/data.pkl")):
		return "torch"
	case has(suffix(".onnx")):
		return "zipped onnx"
	case has(suffix("/saved_model.pb")):
		return "zipped saved model"
	case len(z.File) > 0 && !has(func(name string) bool { return !strings.HasSuffix(name, ".npy") }):
		return "array"
	}
	return nameKind(name, "zip")
}

// looseKind returns the key of a file that could not be read as ONNX, by its content if
// that says what it is and by its name otherwise; "" if neither does.
func looseKind(head []byte, name string) string {
	text := bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n")
	begins := func(s string) bool { return len(text) >= len(s) && strings.EqualFold(string(text[:len(s)]), s) }
	switch {
	case begins("version https://git-lfs"):
		return "lfs"
	case begins("<!doctype html"), begins("<html"):
		return "html"
	case begins("<?xml") && bytes.Contains(head, []byte("<net")), begins("<net"):
		return "openvino"
	case begins("7767517"):
		return "ncnn"
	case begins("{") && (bytes.Contains(head, []byte("weightsManifest")) || bytes.Contains(head, []byte("modelTopology"))):
		return "tfjs"
	case isGraphDef(head):
		return "frozen graph"
	case isSavedModel(head):
		return "saved model file"
	case isCoreML(head):
		return "coreml"
	}
	if kind := nameKind(name); kind != "" {
		return kind
	}
	if isText(head) {
		return "text"
	}
	return ""
}

// topFields calls f for the fields of a protobuf message whose head is given, until it
// returns false or the head ends.
func topFields(head []byte, f func(num protowire.Number, typ protowire.Type, value []byte) bool) {
	for len(head) > 0 {
		num, typ, n := protowire.ConsumeTag(head)
		if n < 0 {
			return
		}
		value := head[n:]
		m := protowire.ConsumeFieldValue(num, typ, value)
		if m < 0 {
			if typ == protowire.BytesType { // it goes on beyond the head
				f(num, typ, value)
			}
			return
		}
		if !f(num, typ, value[:m]) {
			return
		}
		head = value[m:]
	}
}

// isGraphDef reports whether a message begins as TensorFlow's GraphDef: with a node that
// has a name and an operator.
func isGraphDef(head []byte) bool {
	if len(head) == 0 || head[0] != 0x0a {
		return false
	}
	node, n := protowire.ConsumeBytes(head[1:])
	if n < 0 {
		return false
	}
	var texts []string
	topFields(node, func(num protowire.Number, typ protowire.Type, value []byte) bool {
		s, n := protowire.ConsumeString(value)
		if typ != protowire.BytesType || n < 0 || num != protowire.Number(len(texts)+1) || !utf8.ValidString(s) {
			return false
		}
		texts = append(texts, s)
		return len(texts) < 2
	})
	return len(texts) == 2 && slices.Contains([]string{"Placeholder", "Const", "NoOp", "VarHandleOp", "VariableV2", "Variable", "PlaceholderWithDefault"}, texts[1])
}

// isSavedModel reports whether a message begins as saved_model.pb: schema version 1 and a
// graph with the name of its operators or tags.
func isSavedModel(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x08, 0x01, 0x12}) && (bytes.Contains(head, []byte("serve")) || bytes.Contains(head, []byte("VarHandleOp")) || bytes.Contains(head, []byte("Placeholder")))
}

// isCoreML reports whether a message has the fields of Core ML's Model: a version, a
// description, and a model with a number from 200 on.
func isCoreML(head []byte) bool {
	version, model := false, false
	topFields(head, func(num protowire.Number, typ protowire.Type, _ []byte) bool {
		version = version || num == 1 && typ == protowire.VarintType
		model = model || version && num >= 200 && num < 4000 && typ == protowire.BytesType
		return !model
	})
	return model
}

// isText reports whether a file begins with text.
func isText(data []byte) bool {
	head := data[:min(len(data), 512)]
	for len(head) > 508 && !utf8.Valid(head) { // do not split a rune at the end
		head = head[:len(head)-1]
	}
	return len(head) > 0 && utf8.Valid(head) && !bytes.ContainsFunc(head, func(c rune) bool {
		return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f
	})
}

// Foreign says what a file is that is neither ONNX nor an .edgec file, and what to do with
// it; "" if that is not known. data is the file or its first part; name is its path.
func Foreign(name string, data []byte) string {
	head := data[:min(len(data), headSize)]
	kind := binaryKind(head, bytes.NewReader(data), int64(len(data)), name)
	if kind == "" {
		kind = looseKind(head, name)
	}
	if kind == "" {
		return ""
	}
	return said(kind, name)
}

// refuseForeign returns an error about the file at path if its head shows that it is no
// ONNX file: nothing large is read then.
func refuseForeign(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // the caller reads the file, and says so
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return &Error{File: path, Msg: cmp.Or(Folder(path), "it is a folder; give the .onnx file")}
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	head := make([]byte, min(headSize, info.Size()))
	if _, err := io.ReadFull(f, head); err != nil {
		return nil
	}
	if key := binaryKind(head, f, info.Size(), path); key != "" {
		return &Error{File: path, Msg: said(key, path)}
	}
	return nil
}

// Folder says what a folder that was given instead of a file holds, and what to do; "" if
// it holds no network that is known.
func Folder(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	all := func(pattern string) (found []string) {
		for _, e := range entries {
			if ok, err := filepath.Match(pattern, e.Name()); ok && err == nil {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
		return found
	}
	has := func(pattern string) string {
		if found := all(pattern); len(found) > 0 {
			return found[0]
		}
		return ""
	}
	switch {
	case has("saved_model.pb") != "":
		return said("saved model", dir)
	case has("Manifest.json") != "" && has("Data") != "":
		return said("coreml", dir)
	case len(all("*.onnx")) > 1:
		return fmt.Sprintf("is a folder; give one of the files in it, such as %s", has("*.onnx"))
	case has("*.onnx") != "":
		return fmt.Sprintf("is a folder; give the file in it: %s", has("*.onnx"))
	case has("config.json") != "" && (has("*.safetensors") != "" || has("pytorch_model*.bin") != ""):
		return said("transformers", dir)
	case has("model.json") != "":
		return said("tfjs", filepath.Join(dir, "model.json"))
	case has("*.pdmodel") != "":
		return said("paddle", has("*.pdmodel"))
	}
	return ""
}
