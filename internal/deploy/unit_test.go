//go:build unix

package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// systemd reads the units without a complaint, and the second one does what the service counts
// on.
func TestUnit(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("the units are for Linux")
	}
	d, err := NewLocal(filepath.Join(quickFolder(t), "edgec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Program{oldest, older} {
		if _, err := Deploy(t.Context(), d, p, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Unit{Name: "digits", User: "root", Folder: d.Folder(), Args: []string{"--listen", ":8080"}}.Files()
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	if want := "\nExecStart=" + d.Folder() + "/current/program --listen :8080\n"; !strings.Contains(files[0].Text, want) {
		t.Errorf("%s lacks %q", files[0].Text, want)
	}
	_, command, _ := strings.Cut(files[1].Text, `ExecStart=/bin/sh -c "`)
	command, _, _ = strings.Cut(command, "\"\n")
	if _, err := d.Run(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	if now := running(t, d.Folder(), currentName); now != "oldest" {
		t.Errorf("%q runs after %s", now, command)
	}
	if _, err := d.Run(t.Context(), command); err == nil {
		t.Error("there is a program before the oldest")
	}
	if r, failed, err := Status(t.Context(), d, Options{}); err != nil || r.Current.Version != 1 || len(failed) != 1 {
		t.Errorf("%+v, %v, %v", r, failed, err)
	}
	goesBackAlone(t, d, command)
	verify(t, files)
	installed(t, files)
}

// goesBackAlone lets the service give a program up whose deployment was cut off after the switch.
func goesBackAlone(t *testing.T, d Device, command string) {
	t.Helper()
	if _, err := Deploy(t.Context(), d, newer, Options{}); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("lost")
	cut := stepping{d, func() {
		if now, err := linked(d, currentName); err == nil && now == newest.Sum() {
			panic(lost)
		}
	}}
	func() {
		defer func() {
			if r := recover(); r != lost {
				t.Fatalf("the deployment was not cut off: %v", r)
			}
		}()
		Deploy(t.Context(), cut, newest, Options{})
	}()
	if now := running(t, d.Folder(), currentName); now != "newest" {
		t.Fatalf("%q runs after the cut", now)
	}
	if _, err := d.Run(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	r, failed, err := Status(t.Context(), d, quickly())
	if err != nil || r.Current.SHA256 != newer.Sum() || len(failed) != 2 || failed[1].SHA256 != newest.Sum() || failed[1].Reason != returned {
		t.Errorf("%+v, %v, %v", r, failed, err)
	}
	if r.Previous.SHA256 != oldest.Sum() {
		t.Errorf("previous is version %d, want 1", r.Previous.Version)
	}
}

// installed runs the script in a folder that takes the place of systemd's.
func installed(t *testing.T, files []UnitFile) {
	t.Helper()
	folder, stub := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\necho \"$@\" >>" + filepath.Join(stub, "log") + "\n"
	if err := os.WriteFile(filepath.Join(stub, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	install := func(force bool) (string, error) {
		cmd := exec.Command("sh")
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(InstallScript(files, force), "/etc/systemd/system", folder))
		cmd.Env = append(os.Environ(), "PATH="+stub+":"+os.Getenv("PATH"))
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	foreign := filepath.Join(folder, filepath.Base(files[0].Path))
	if err := os.WriteFile(foreign, []byte("[Service]\nExecStart=/bin/other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := install(false); err == nil || text != "edgec: "+foreign+" is another service; choose another --name, or let edgec unit --force replace it\n" {
		t.Errorf("in place of another service: %v: %s", err, text)
	}
	if text, err := install(true); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	os.Remove(filepath.Join(stub, "log"))
	if text, err := install(false); err != nil { // its own files
		t.Fatalf("%v: %s", err, text)
	}
	for _, f := range files {
		if text, err := os.ReadFile(filepath.Join(folder, filepath.Base(f.Path))); err != nil || string(text) != f.Text {
			t.Errorf("%s: %v, %q", f.Path, err, text)
		}
	}
	if names := tree(t, folder); len(names) != 1+len(files) {
		t.Errorf("left: %v", names)
	}
	if log, err := os.ReadFile(filepath.Join(stub, "log")); err != nil || string(log) != "daemon-reload\nenable --now digits.service\n" {
		t.Errorf("systemctl was called with %q, %v", log, err)
	}
}

// verify lets systemd read units.
func verify(t *testing.T, files []UnitFile) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze; apt-get install systemd")
	}
	folder := t.TempDir()
	words := []string{"verify", "--man=no"}
	for _, f := range files {
		path := filepath.Join(folder, filepath.Base(f.Path))
		if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
			t.Fatal(err)
		}
		words = append(words, path)
	}
	text, err := exec.Command(tool, words...).CombinedOutput()
	if err != nil || strings.Contains(string(text), folder) {
		t.Errorf("%v: %s", err, text)
	}
}

// What systemd would read in its own way is refused.
func TestUnitRefuses(t *testing.T) {
	good := Unit{Name: "edgec", User: "pi", Folder: "/home/pi/edgec"}
	for name, change := range map[string]func(*Unit){
		"name": func(u *Unit) { u.Name = "a b" }, "no name": func(u *Unit) { u.Name = "" }, "instance": func(u *Unit) { u.Name = "a@b" },
		"user": func(u *Unit) { u.User = "pi\nExecStart=/x" }, "folder": func(u *Unit) { u.Folder = "/home/pi/%h" },
		"relative": func(u *Unit) { u.Folder = "edgec" }, "argument": func(u *Unit) { u.Args = []string{"a\nb"} }, "quote": func(u *Unit) { u.Args = []string{`"`} },
	} {
		u := good
		change(&u)
		if files, err := u.Files(); err == nil {
			t.Errorf("%s: %v", name, files)
		}
	}
	for folder, private := range map[string]string{"/home/pi/edgec": "yes", "/tmp/edgec": "no"} {
		good.Folder = folder
		if files, err := good.Files(); err != nil || !strings.Contains(files[0].Text, "\nPrivateTmp="+private+"\n") {
			t.Errorf("%s: %v, %v", folder, files, err)
		}
	}
}

// The unit of an agent is read by systemd as it was meant, and the script makes its folder.
func TestAgentUnit(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models")
	u := AgentUnit{Name: "digits", User: "root", Folder: folder, Writes: []string{"/mnt/fleet one", "/mnt/$a%b"}, Command: []string{"/bin/echo", "agent", "--check=test \"$HOME\" = '%h' \\ ;", "--pub=RWQ/+", ""}}
	files, err := u.Files()
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, want := range []string{"\nExecStart=/bin/echo agent \"--check=test \\\"$$HOME\\\" = '%%h' \\\\ ;\" --pub=RWQ/+ \"\"\n", "\nReadWritePaths=" + folder + " \"-/mnt/fleet one\" -/mnt/$a%%b\n", "\nNoNewPrivileges=yes\n"} {
		if !strings.Contains(files[0].Text, want) {
			t.Errorf("%s lacks %q", files[0].Text, want)
		}
	}
	if script := u.Script(files); !strings.HasPrefix(script, "install -d -o 'root' '"+folder+"' || exit 1\n") {
		t.Errorf("%s", script)
	}
	u.Commands = true
	if files, err := u.Files(); err != nil || strings.Contains(files[0].Text, "NoNewPrivileges") || strings.Contains(files[0].Text, "Restrict") {
		t.Errorf("sudo would not work: %v, %v", files, err)
	}
	for _, change := range []func(*AgentUnit){func(u *AgentUnit) { u.Name = "a b" }, func(u *AgentUnit) { u.User = "a b" }, func(u *AgentUnit) { u.Folder = "models" }, func(u *AgentUnit) { u.Command = []string{"a\nExecStart=b"} }, func(u *AgentUnit) { u.Writes = []string{"/a\nb"} }} {
		bad := u
		change(&bad)
		if files, err := bad.Files(); err == nil {
			t.Errorf("%v", files)
		}
	}
	u.Commands = false
	files, err = u.Files()
	if err != nil {
		t.Fatal(err)
	}
	verify(t, files)
	installed(t, files)
}
