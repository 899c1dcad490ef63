package cli

import (
	"math"
	"strings"
	"testing"
	"time"

	"edgec/targets"
)

// What is said of each kind of wrong command line, word for word. BOARDS stands for the
// list of boards.
func TestUsage(t *testing.T) {
	withFile(t)
	before := names(t)
	for _, c := range []struct{ args, want, help string }{
		{"compres corner.onnx", `unknown command "compres"; did you mean compress?`, "edgec"},
		{"frobnicate", `unknown command "frobnicate"`, "edgec"},
		{"quantize corner.onnx", `unknown command "quantize"; did you mean compress?`, "edgec"},
		{"benchmark corner.edgec", `unknown command "benchmark"; did you mean bench?`, "edgec"},
		{"build corner.edgec --board rpi-4", "unknown flag --board; did you mean --target?", "edgec build"},
		{"compress corner.onnx --data data --epochs 3", "unknown flag --epochs; did you mean --effort?", "edgec compress"},
		{"help frobnicate", `unknown command "frobnicate"`, "edgec"},
		{"help compres", `unknown command "compres"; did you mean compress?`, "edgec"},
		{"corner.onnx", `unknown command "corner.onnx"; it is a file: write a command before it, as in edgec inspect corner.onnx`, "edgec"},
		{"compress", "compress: give one ONNX or TFLite file", "edgec compress"},
		{"compress a.onnx b.onnx --data data", `compress: "b.onnx" is one argument too many; give one ONNX or TFLite file`, "edgec compress"},
		{"compress corner.onnx", "compress: --data is missing; give a folder or file of samples, as in --data mnist", "edgec compress"},
		{"compress corner.onnx --data data --frobnicate", "unknown flag --frobnicate", "edgec compress"},
		{"compress corner.onnx --data data --max-dorp 1", "unknown flag --max-dorp; did you mean --max-drop?", "edgec compress"},
		{"compress corner.onnx --data data --max 1", "unknown flag --max; did you mean --max-drop, --max-size, --max-latency or --max-memory?", "edgec compress"},
		{"compress corner.onnx --dta data --epoch 3 --budget 5", "unknown flag --dta; did you mean --data?; unknown flag --epoch; did you mean --effort?; --budget 5: give a time with its unit: 5m or 5s", "edgec compress"},
		{"compress corner.onnx --data data --max-size big", "--max-size big: give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)", "edgec compress"},
		{"compress corner.onnx --data data --max-size 20kq", "--max-size 20kq: give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)", "edgec compress"},
		{"compress corner.onnx --data data --max-size 0.5", "--max-size 0.5: give at least one byte, such as 10000 or 20KB", "edgec compress"},
		{"compress corner.onnx --data data --max-size 3GB", "--max-size 3GB: give at most 2,147,483,647 bytes, such as 10000 or 20KB", "edgec compress"},
		{"compress corner.onnx --data data --max-size -5", "--max-size -5: give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)", "edgec compress"},
		{"compress corner.onnx --data data --max-size=", `--max-size "": give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)`, "edgec compress"},
		{"compress corner.onnx --data data --max-latency 200", "--max-latency 200: give a time with its unit: 200ms or 200us", "edgec compress"},
		{"compress corner.onnx --data data --max-latency 0s", "--max-latency 0s: give a positive time with its unit, such as 5ms or 200us", "edgec compress"},
		{"compress corner.onnx --data data --max-latency -5ms", "--max-latency -5ms: give a positive time with its unit, such as 5ms or 200us", "edgec compress"},
		{"compress corner.onnx --data data --max-drop -1", "--max-drop -1: give points from 0 to 100, such as 0.5 (half a percent of the samples)", "edgec compress"},
		{"compress corner.onnx --data data --max-drop 101", "--max-drop 101: give points from 0 to 100, such as 0.5 (half a percent of the samples)", "edgec compress"},
		{"compress corner.onnx --data data --max-drop NaN", "--max-drop NaN: give points from 0 to 100, such as 0.5 (half a percent of the samples)", "edgec compress"},
		{"compress corner.onnx --data data --max-drop 0,5", "--max-drop 0,5: write a decimal point: 0.5", "edgec compress"},
		{"compress corner.onnx --data data --max-drop half", "--max-drop half: give points from 0 to 100, such as 0.5 (half a percent of the samples)", "edgec compress"},
		{"compress corner.onnx --data data --max-drop", "--max-drop needs a value, as in --max-drop 0.5", "edgec compress"},
		{"compress corner.onnx --data data --budget -5m", "--budget -5m: give a positive time with its unit, such as 5m or 90s", "edgec compress"},
		{"compress corner.onnx --data data --budget 5", "--budget 5: give a time with its unit: 5m or 5s", "edgec compress"},
		{"compress corner.onnx --data data --budget soon", "--budget soon: give a positive time with its unit, such as 5m or 90s", "edgec compress"},
		{"compress corner.onnx --data data --budget", "--budget needs a value, as in --budget 5m", "edgec compress"},
		{"compress corner.onnx --data data --effort 0", "--effort 0: give a number above 0, at most 100", "edgec compress"},
		{"compress corner.onnx --data data --effort NaN", "--effort NaN: give a number above 0, at most 100", "edgec compress"},
		{"compress corner.onnx --data data --effort 101", "--effort 101: give a number above 0, at most 100", "edgec compress"},
		{"compress corner.onnx --data data --effort high", "--effort high: give a number, such as 0.5", "edgec compress"},
		{"compress corner.onnx --data data --seed -1", "--seed -1: give a whole number from 0, such as 4", "edgec compress"},
		{"compress corner.onnx --data data --seed 1.5", "--seed 1.5: give a whole number from 0, such as 4", "edgec compress"},
		{"compress corner.onnx --data data --criterion luck", "--criterion luck: give fisher, magnitude or input", "edgec compress"},
		{"compress corner.onnx --data data --criterion fischer", "--criterion fischer: give fisher, magnitude or input; did you mean fisher?", "edgec compress"},
		{"compress corner.onnx --data data --teacher corner.onnx --no-training", "--teacher and --no-training exclude each other: without training nothing learns from a teacher", "edgec compress"},
		{"compress corner.onnx --data data --resume --budget 5m", "--resume and --budget exclude each other: a search with a budget keeps no state", "edgec compress"},
		{"compress corner.onnx --data data --no-training=maybe", "--no-training maybe: give true or false, or the flag alone", "edgec compress"},
		{"compress corner.onnx --data data --trained-on maybe", "--trained-on maybe: give yes or no", "edgec compress"},
		{"compress corner.onnx --data data --trained-on yess --effort -1 -j -1 --criterion inputs", "--criterion inputs: give fisher, magnitude or input; did you mean input?; --threads -1: give a whole number from 0; --trained-on yess: give yes or no; did you mean yes?; --effort -1: give a number above 0, at most 100", "edgec compress"},
		{"compress corner.onnx --data data --mean x", `--mean x: "x" is not a finite number; separate numbers by commas, as in 0.485,0.456,0.406`, "edgec compress"},
		{"compress corner.onnx --data data --mean 0.5;0.5", `--mean 0.5;0.5: "0.5;0.5" is not a finite number; separate numbers by commas, as in 0.485,0.456,0.406`, "edgec compress"},
		{"compress corner.onnx --data data --std 0", "--std 0: give numbers above 0", "edgec compress"},
		{"compress corner.onnx --data data --test-last -2", "--test-last -2: give a whole number from 0", "edgec compress"},
		{"compress corner.onnx --data data --test-last all", "--test-last all: give a whole number, such as 4", "edgec compress"},
		{"compress corner.onnx --data data -j -1", "--threads -1: give a whole number from 0", "edgec compress"},
		{"compress corner.onnx --data data -j two", "--threads two: give a whole number, such as 4", "edgec compress"},
		{"compress corner.onnx -data data -output x", "-data: write it with two dashes: --data; -output: write it with two dashes: --output", "edgec compress"},
		{"compress corner.onnx --data --max-drop 1", `compress: "1" is one argument too many; give one ONNX or TFLite file; --data has no value: it took --max-drop for one`, "edgec compress"},
		{"compress corner.onnx --data data -x", "unknown flag -x", "edgec compress"},
		{"compress corner.onnx --data data -dat", "unknown flag -dat; did you mean --data?", "edgec compress"},
		{"eval corner.edgec --data data --split all", "--split all: give test or train", "edgec eval"},
		{"eval corner.edgec --data data --split tset", "--split tset: give test or train; did you mean test?", "edgec eval"},
		{"eval corner.edgec --data data --no-labels", "--no-labels needs --against: without labels only a float network can be the reference", "edgec eval"},
		{"eval corner.edgec --data data --no-labels --confusion --against corner.onnx", "--no-labels and --confusion exclude each other: classes come from labels", "edgec eval"},
		{"eval corner.edgec --data data --set x=1", "--set is for float networks, and corner.edgec is compressed; leave it out", "edgec eval"},
		{"eval corner.onnx --data data --max-memory 1MB", "--max-memory is for .edgec files, and corner.onnx is a float network; leave it out", "edgec eval"},
		{"compress corner.onnx --data data --any-loss --max-drop 1 --max-latency 1s", "--any-loss and --max-drop exclude each other: one allows any loss, the other bounds it", "edgec compress"},
		{"compress corner.onnx --data data --any-loss --max-size 1KB", "--any-loss belongs to --max-latency and --max-memory; leave it out", "edgec compress"},
		{"eval corner.onnx --data data --confusion", "corner.onnx: is not a compressed network; --against and --confusion need an .edgec file", "edgec eval"},
		{"eval corner.onnx --data data --max-size 3", "unknown flag --max-size; it belongs to edgec compress, edgec demo, edgec pull", "edgec eval"},
		{"run corner.edgec --top 0 light.png", "--top 0: give a whole number from 1", "edgec run"},
		{"run corner.edgec --idx-labels x light.png", "--idx-labels belongs to --idx; give the idx file of the pictures with --idx", "edgec run"},
		{"run corner.edgec --selftest light.png", "--idx, --selftest and inputs exclude each other; give one of them", "edgec run"},
		{"run corner.edgec --idx x --top 3", "--top changes nothing of --idx; leave it out", "edgec run"},
		{"run corner.edgec --selftest --raw", "--raw changes nothing of --selftest; leave it out", "edgec run"},
		{"run corner.edgec --stream x.npy --invert", "--invert is for pictures, and --stream takes arrays; leave it out", "edgec run"},
		{"bench corner.edgec --runs -1", "--runs -1: give a number from 1 to 1000000, or 0", "edgec bench"},
		{"build corner.edgec", "build: --target is missing; give a board: BOARDS", "edgec build"},
		{"build corner.edgec --target toaster", `--target toaster: no board "toaster"; give one of BOARDS`, "edgec build"},
		{"build corner.edgec --target rpi-6", `--target rpi-6: no board "rpi-6"; did you mean rpi-1, rpi-2, rpi-3, rpi-4 or rpi-5? edgec targets lists all`, "edgec build"},
		{"build corner.edgec --target esp32", `--target esp32: "esp32" is a microcontroller, which edgec cannot build for: its programs are made by the Go toolchain, which needs Linux, about 2 MB of storage and several MB of RAM; boards within reach: BOARDS`, "edgec build"},
		{"build corner.edgec --target rpi-4 --pictures maybe", "--pictures maybe: give auto, yes or no", "edgec build"},
		{"build corner.edgec --target rpi-4 --c-archive --serve", "--c-archive makes a library, which neither serves nor runs; leave out --serve and --selftest", "edgec build"},
		{"build corner.edgec --target rpi-4 --package net", "--package and --target: a package is no program; give one of both", "edgec build"},
		{"build corner.edgec --taget rpi-4", "unknown flag --taget; did you mean --target?", "edgec build"},
		{"build corner.edgec --target js-wasm --serve", "--serve: a program for WebAssembly cannot listen at an address; leave --serve out, or choose another --target than js-wasm", "edgec build"},
		{"deploy corner.edgec --to root@h:99999", `--to: "root@h:99999": the port "99999" is no number from 1 to 65535`, "edgec deploy"},
		{"deploy corner.edgec --to local:x --target windows-amd64", "--target windows-amd64: deploy installs on Linux; make the program with edgec build and copy it to the machine", "edgec deploy"},
		{"deploy corner.edgec --to qemu:", "--to qemu:: an emulator keeps no programs; give a device, or local:FOLDER for a folder of this machine", "edgec deploy"},
		{"status --on pi@host:port", `--on: "pi@host:port": the port "port" is no number from 1 to 65535`, "edgec status"},
		{"status --on pi@", `--on: "pi@" is no host; write user@host or user@host:port, such as pi@raspberrypi.local`, "edgec status"},
		{"bench corner.edgec --on @x", `--on: "@x" is no host; write user@host or user@host:port, such as pi@raspberrypi.local`, "edgec bench"},
		{"deploy corner.edgec", "deploy: --to is missing; give a device, as in --to pi@raspberrypi", "edgec deploy"},
		{"deploy --to pi@host", "deploy: give one .edgec file, or a program that edgec build made", "edgec deploy"},
		{"deploy corner.edgec --to local:x --folder y", "--folder: --to local:x has the folder already; leave --folder out", "edgec deploy"},
		{"deploy corner.edgec --to local: --version 0", "--to local:: give the folder too, as in local:/mnt/card/edgec; --version 0: give a whole number from 1 to 2147483647", "edgec deploy"},
		{"deploy corner.edgec --to pi@host --target rpi-6", `--target rpi-6: no board "rpi-6"; did you mean rpi-1, rpi-2, rpi-3, rpi-4 or rpi-5? edgec targets lists all`, "edgec deploy"},
		{"deploy corner.edgec --to pi@host --duration 1s", "--duration belongs to --max-latency; give the longest inference too", "edgec deploy"},
		{"rollback", "rollback: --on is missing; give a device, as in --on pi@raspberrypi", "edgec rollback"},
		{"install corner.edgec", `unknown command "install"; did you mean deploy?`, "edgec"},
		{"export corner.edgec", "export: -o is missing; name the ONNX file to write", "edgec export"},
		{"diff corner.edgec corner.edgec", "diff: -o is missing; name the delta to write", "edgec diff"},
		{"pack corner.onnx", "pack: -o is missing; name the file to write", "edgec pack"},
		{"diff corner.edgec -o d.edd", "diff: give the old and the new .edgec file, or two other files", "edgec diff"},
		{"patch corner.edgec d.edd", "patch: -o is missing; name the file to write", "edgec patch"},
		{"targets rpi-4 rpi-5", `targets: "rpi-5" is one argument too many; give the name of a board, or nothing`, "edgec targets"},
		{"completion bash more", `unknown command "more" for "edgec completion bash"`, "edgec"},
		{"version now", `version: "now" is one argument too many; give no arguments`, "edgec version"},
		{"--frobnicate", "unknown flag --frobnicate", "edgec"},
		{"-x", "unknown flag -x", "edgec"},
		{"demo --samples 3 --effort 0 -j -1", "--threads -1: give a whole number from 0; --samples 3: give a whole number from 160 to 1000000; --effort 0: give a number above 0, at most 100", "edgec demo"},
		{"demo --max-size no", "--max-size no: give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)", "edgec demo"},
	} {
		r := command(t, strings.Fields(c.args)...)
		want := "edgec: error: " + strings.ReplaceAll(c.want, "BOARDS", strings.Join(targets.Names(), ", ")) + "\nedgec: hint: see " + c.help + " --help\n"
		if r.code != exitUsage || r.stdout != "" || r.stderr != want {
			t.Errorf("edgec %s: exit code %d, %q%s\nwant %s", c.args, r.code, r.stdout, r.stderr, want)
		}
	}
	if after := names(t); after != before {
		t.Errorf("files %s, before %s", after, before)
	}
}

// Values that people write with a unit of their own are taken.
func TestUnits(t *testing.T) {
	for text, want := range map[string]int{"10000": 10000, "20kb": 20_000, "20 KB": 20_000, "20k": 20_000, "20K": 20_000, "20KiB": 20_480, "20 kib": 20_480, "1.5kB": 1500, "2MB": 2_000_000, "2m": 2_000_000, "2MiB": 2 << 20, "1GB": 1_000_000_000, "200 bytes": 200, "200B": 200} {
		var v size
		if err := v.Set(text); err != nil || int(v) != want {
			t.Errorf("size %q: %d, %v; want %d", text, v, err, want)
		}
	}
	for text, want := range map[string]float64{"0.5": 0.5, "0.5%": 0.5, "0.5 %": 0.5, ".5": 0.5, "1 point": 1, "2 points": 2, "0.1pp": 0.1, "0": 0, "100": 100} {
		var v points
		if err := v.Set(text); err != nil || v.value != want || v.bits {
			t.Errorf("points %q: %v, %v; want %v", text, v, err, want)
		}
	}
	for text, want := range map[string]float64{"0.05bits": 5 * math.Ln2, "0.05 bit": 5 * math.Ln2, "1 bits": 100 * math.Ln2} {
		var v points
		if err := v.Set(text); err != nil || math.Abs(v.value-want) > 1e-12 || !v.bits {
			t.Errorf("points %q: %v, %v; want %v of bits", text, v, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"5m": 5 * time.Minute, "5 min": 5 * time.Minute, "5minutes": 5 * time.Minute, "90s": 90 * time.Second, "90 seconds": 90 * time.Second, "1h30m": 90 * time.Minute, "2 hours": 2 * time.Hour, "200us": 200 * time.Microsecond, "200 usec": 200 * time.Microsecond, "5ms": 5 * time.Millisecond, "5 msec": 5 * time.Millisecond, "0.5ms": 500 * time.Microsecond, "200µs": 200 * time.Microsecond} {
		var d time.Duration
		v := span{&d, [2]string{"5m", "90s"}}
		if err := v.Set(text); err != nil || d != want {
			t.Errorf("time %q: %v, %v; want %v", text, d, err, want)
		}
	}
}
