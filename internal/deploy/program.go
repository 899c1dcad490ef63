package deploy

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// System is what a program was built for, in Go's words.
type System struct {
	GOOS   string `json:"goos"`
	GOARCH string `json:"goarch"`
	GOARM  string `json:"goarm,omitempty"` // 5 to 7 where GOARCH is arm, "" elsewhere
}

func (s System) String() string {
	if s.GOARM != "" {
		return s.GOOS + "/" + s.GOARCH + " v" + s.GOARM
	}
	return s.GOOS + "/" + s.GOARCH
}

// ReadProgram returns the program in a file called name, and what it was built for, which the
// toolchain has stored in it. ok is false unless edgec build made it.
func ReadProgram(name string, data []byte) (p Program, system System, ok bool) {
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil || path.Base(path.Dir(info.Path)) != "targets" {
		return Program{}, System{}, false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			system.GOOS = s.Value
		case "GOARCH":
			system.GOARCH = s.Value
		case "GOARM":
			system.GOARM, _, _ = strings.Cut(s.Value, ",") // ,softfloat may follow
		}
	}
	return Program{Data: data, Model: filepath.Base(name), Serves: path.Base(info.Path) == "server"}, system, system.GOOS != "" && system.GOARCH != ""
}

// machines lists, for what uname -m prints, what a Linux kernel there may run. Whether a 64-bit
// one has what programs of 32 bits need, the self-test shows.
var machines = map[string][]System{
	"aarch64": {{"linux", "arm64", ""}, {"linux", "arm", "7"}, {"linux", "arm", "6"}, {"linux", "arm", "5"}},
	"armv8l":  {{"linux", "arm", "7"}, {"linux", "arm", "6"}, {"linux", "arm", "5"}},
	"armv7l":  {{"linux", "arm", "7"}, {"linux", "arm", "6"}, {"linux", "arm", "5"}},
	"armv6l":  {{"linux", "arm", "6"}, {"linux", "arm", "5"}},
	"x86_64":  {{"linux", "amd64", ""}, {"linux", "386", ""}},
	"i686":    {{"linux", "386", ""}},
	"i586":    {{"linux", "386", ""}},
	"riscv64": {{"linux", "riscv64", ""}},
}

// RunsOn returns an error if the machine that prints this for "uname -s -m" cannot run programs
// for s. Of a machine that it does not know it says nothing.
func (s System) RunsOn(uname string) error {
	system, machine, _ := strings.Cut(strings.TrimSpace(uname), " ")
	fits := machines[machine]
	if system != "" && system != "Linux" {
		return fmt.Errorf("it runs %s, and the program is for %v", system, s)
	}
	for _, f := range fits {
		if f == s {
			return nil
		}
	}
	if fits == nil && s.GOOS == "linux" {
		return nil
	}
	return fmt.Errorf("it is %s, and the program is for %v; build one for it, or give the .edgec file", machine, s)
}
