package targets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeBoards writes a file of boards.
func writeBoards(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mine.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// own is a file of boards: one like another, and one of its own.
const own = `
[[board]]
name = "door-camera"
like = "rpi-zero-2w"
mhz = 1200
note = "overclocked"

[[board]]
name = "risc"
goarch = "riscv64"
cpu = "C906"
cores = 1
mhz = 1000
l1_kib = 64
memory_mb_per_s = 1380
[board.timing]
kernels = "go"
word_bits = 64
dense_cpi = 1.4
list_cpi = 1.5
other_cpi = 1.6
traffic = 1.0
overlap = 1
error = 0.3
basis = "me"
`

// A board is like another but for what it says, and is found by its name in any spelling.
func TestReadBoards(t *testing.T) {
	boards, err := ReadBoards(writeBoards(t, own))
	if err != nil {
		t.Fatal(err)
	}
	want := board(t, "rpi-zero-2w")
	want.Name, want.Title, want.MHz, want.Note, want.Source = "door-camera", "door-camera", 1200, "overclocked", ""
	if boards[0] != want {
		t.Errorf("%+v\nwant %+v", boards[0], want)
	}
	if b, err := FindIn(boards, "Door_Camera"); err != nil || b != want {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := FindIn(boards, "rpi4"); err != nil || b.Name != "rpi-4" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := FindIn(boards, "door-camra"); err == nil || !strings.Contains(err.Error(), "did you mean door-camera?") {
		t.Errorf("error %v", err)
	}
}

// A board of another architecture than the one it is like has its clock and caches, but neither its
// core nor, then, its times.
func TestReadBoardsOfOtherArchitecture(t *testing.T) {
	for text, want := range map[string]Board{
		"like = \"rpi-4\"\ngoarch = \"arm\"\ngoarm = \"7\"":                       {GOARCH: "arm", GOARM: "7", Hardware: Hardware{MHz: 1500, L2: 1024}},
		"like = \"rpi-2\"\ngoarm = \"6\"":                                         {GOARCH: "arm", GOARM: "6", Hardware: Hardware{MHz: 900, L2: 512}},
		"like = \"rpi-2\"\ngoarch = \"arm64\"":                                    {GOARCH: "arm64", Hardware: Hardware{MHz: 900, L2: 512}},
		"like = \"rpi-2\"\ngoarch = \"arm\"":                                      {GOARCH: "arm", GOARM: "7", QEMU: "cortex-a7", CPU: "Cortex-A7: NEON, VFPv4", Hardware: Hardware{MHz: 900, L2: 512, Features: "neon, vfp4"}},
		"like = \"rpi-4\"\ngoarch = \"arm\"\ngoarm = \"7\"\nqemu = \"cortex-a7\"": {GOARCH: "arm", GOARM: "7", QEMU: "cortex-a7", Hardware: Hardware{MHz: 1500, L2: 1024}},
	} {
		boards, err := ReadBoards(writeBoards(t, "[[board]]\nname = \"x\"\n"+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		b := boards[0]
		got := Board{GOARCH: b.GOARCH, GOARM: b.GOARM, QEMU: b.QEMU, CPU: b.CPU, Hardware: Hardware{MHz: b.MHz, L2: b.L2, Features: b.Features}}
		if got != want || (b.Predictable() == nil) != (want.QEMU != "") {
			t.Errorf("%s: %+v, want %+v; %v", text, got, want, b.Predictable())
		}
	}
}

// Of a board in a file, the error says what it lacks there.
func TestPredictableOwnBoards(t *testing.T) {
	for text, want := range map[string]string{
		"goarch = \"arm64\"":                                   "times on x cannot be predicted: its clock is not known; give mhz in the file of --boards",
		"goarch = \"arm64\"\nmhz = 900":                        `its core is not known; in the file of --boards, give like = "rpi-zero-2w" or "rpi-3" or "rpi-4" or "rpi-5", or qemu = "cortex-a53" or "cortex-a72" or "cortex-a76"; or measure on it, and take the board that edgec targets calibrate writes`,
		"goarch = \"arm64\"\nmhz = 900\nqemu = \"cortex-a55\"": `--boards, give qemu = "cortex-a53" or`,
		"goarch = \"amd64\"\nmhz = 900":                        "its core is not known; measure on it, and take the board that edgec targets calibrate writes",
	} {
		boards, err := ReadBoards(writeBoards(t, "[[board]]\nname = \"x\"\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		if err := boards[0].Predictable(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "describe yours") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Boards of the user's own are predicted by what the file says.
func TestPredictOwnBoards(t *testing.T) {
	boards, err := ReadBoards(writeBoards(t, own))
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, "lenet-5.edgec")
	slow, _ := board(t, "rpi-zero-2w").Predict(m)
	fast, err := boards[0].Predict(m)
	if ratio := float64(slow.Time) / float64(fast.Time); err != nil || ratio < 1.05 || ratio > 1.21 {
		t.Errorf("1200 MHz: %v, %v", fast.Time, err)
	}
	if p, err := boards[1].Predict(m); err != nil || p.Basis != "me" || p.Time < fast.Time || p.Layers[0].Kernel != "go" {
		t.Errorf("%+v, %v", p, err)
	}
}

// What is wrong with a file is said in one line, with the board and what to write.
func TestReadBoardsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "has no boards; write a table [[board]]",
		"[[board]\n":                  ": line ",
		"[[board]]\nname = 3":         "mine.toml: ",
		"[[board]]\nclock = 3":        "board.clock is no field of a board",
		"[[board]]\nname = \"x\"":     `board "x": goarch is ""; give one of arm, `,
		"[[board]]\ngoarch = \"arm\"": `board "": give a name`,
		"[[board]]\nname = \"rpi4\"":  `board "rpi4": is in edgec's own table already`,
		"[[board]]\nname = \"esp32-c3\"\nlike = \"rpi-4\"":                                                                          "is a microcontroller",
		"[[board]]\nname = \"x\"\nlike = \"rpi-9\"":                                                                                 `like = "rpi-9": no board "rpi-9"; did you mean`,
		"[[board]]\nname = \"x\"\ngoarch = \"arm\"":                                                                                 `goarm is ""; give "6" or "7"`,
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\nmhz = -1":                                                                       "a number is -1",
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\nidle_watts = 3.0\nbusy_watts = 2.0":                                             "busy above idle",
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\n[[board]]\nname = \"X\"\nlike = \"rpi-4\"":                                      "is there twice",
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\n[board.timing]\nkernels = \"sve\"\nword_bits = 64":                              `timing has kernels "sve" of 64 bits; instructions were counted of `,
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\n[board.timing]\nkernels = \"neon\"\nword_bits = 64":                             "timing has overlap 0; give 1 to 100",
		"[[board]]\nname = \"x\"\ngoarch = \"arm64\"\n[board.timing]\nkernels = \"neon\"\nword_bits = 64\noverlap = 1":              "has a timing but no clock",
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\n[board.timing]\nkernels = \"neon\"\nword_bits = 64\noverlap = 1\nerror = nan":   "timing has a number NaN",
		"[[board]]\nname = \"x\"\nlike = \"rpi-4\"\nqemu = \"cortex-a7\"":                                                           `qemu is "cortex-a7", a CPU of arm 7, and the board is arm64`,
		"[[board]]\nname = \"x\"\ngoarch = \"arm\"\ngoarm = \"7\"\nqemu = \"arm1176\"":                                              `qemu is "arm1176", a CPU of arm 6, and the board is arm 7`,
		"[[board]]\nname = \"x\"\ngoarch = \"riscv64\"\nmhz = 900\n[board.timing]\nkernels = \"neon\"\nword_bits = 64\noverlap = 1": `timing has kernels "neon" of 64 bits, which programs for riscv64 do not have`,
		"[[board]]\nname = \"x\"\nlike = \"rpi-2\"\n[board.timing]\nkernels = \"go\"\nword_bits = 64\noverlap = 1":                  `timing has kernels "go" of 64 bits, which programs for arm do not have`,
	} {
		_, err := ReadBoards(writeBoards(t, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	if _, err := ReadBoards("nowhere.toml"); err == nil || !strings.Contains(err.Error(), "nowhere.toml: there is no such file; give a TOML file") {
		t.Errorf("error %v", err)
	}
}

// What is written is read back.
func TestEncodeBoards(t *testing.T) {
	b := board(t, "rpi-4")
	b.Name = "mine"
	b.Timing = &Timing{Kernels: "neon", Bits: 64, Dense: 0.7, List: 0.8, Other: 0.9, Traffic: 1.1, LayerNS: 120, Overlap: 4, Error: 0.1, Basis: "calibrated"}
	text, err := EncodeBoards("two\nlines", []Board{b})
	if err != nil || !strings.HasPrefix(string(text), "# two\n# lines\n\n[[board]]") {
		t.Fatalf("%v\n%s", err, text)
	}
	back, err := ReadBoards(writeBoards(t, string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if *back[0].Timing != *b.Timing {
		t.Errorf("%+v", back[0].Timing)
	}
	back[0].Timing = b.Timing
	if back[0] != b {
		t.Errorf("%+v\nwant %+v", back[0], b)
	}
}
