package targets

import (
	"os/exec"
	"strings"
	"testing"
)

func TestBoards(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Boards {
		if seen[b.Name] || b.Name == "" || b.Name != strings.ToLower(b.Name) || b.Title == "" || b.CPU == "" {
			t.Errorf("%q: name must be unique and lower case, title and CPU given", b.Name)
		}
		seen[b.Name] = true
		if (b.GOARM != "") != (b.GOARCH == "arm") {
			t.Errorf("%s: GOARM %q for GOARCH %s", b.Name, b.GOARM, b.GOARCH)
		}
		generic := b.GOOS != "" || strings.HasPrefix(b.Name, "linux-")
		if (b.Cores == 0 || b.MHz == 0 || b.RAM == 0 || b.Source == "") != generic {
			t.Errorf("%s: boards have cores, clock, memory and a source, architectures none", b.Name)
		}
		if strings.Contains(b.CPU, "ARMv6") && b.GOARM != "6" {
			t.Errorf("%s: an ARMv6 board needs GOARM=6", b.Name)
		}
		if found, err := Find(strings.ToUpper(b.Name)); err != nil || found != b {
			t.Errorf("Find(%s): %v %v", b.Name, found, err)
		}
	}
}

// An alias stands for a board and is the name of none.
func TestAliases(t *testing.T) {
	for alias, name := range aliases {
		if b, err := Find(alias); err != nil || b.Name != name || b.Name == alias {
			t.Errorf("alias %s: %v %v", alias, b.Name, err)
		}
	}
	if _, err := Find("toaster"); err == nil || !strings.Contains(err.Error(), "rpi-zero") {
		t.Errorf("unknown board: %v", err)
	}
}

// The toolchain knows every architecture of the table.
func TestBoardsAreGoPlatforms(t *testing.T) {
	text, err := exec.Command("go", "tool", "dist", "list").Output()
	if err != nil {
		t.Skip("no go command: ", err)
	}
	for _, b := range Boards {
		if !strings.Contains("\n"+string(text), "\n"+b.System()+"/"+b.GOARCH+"\n") {
			t.Errorf("%s: Go does not build for %s/%s", b.Name, b.System(), b.GOARCH)
		}
	}
}
