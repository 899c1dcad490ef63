package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"

	"edgec/internal/deploy"
)

// ~ is the home, also where the shell does not see it: behind local: and --folder=.
func TestHomeFolders(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(t.TempDir())
	for given, want := range map[string]string{"~/a/b": "a/b", "~": ".", "a": "a", "a/~": "a/~", "~a": "~a"} {
		if got, err := homeFolder(given); err != nil || got != filepath.Join(home, want) {
			t.Errorf("--folder %s: %s, %v", given, got, err)
		}
	}
	at, err := (&app{}).reachPlace(t.Context(), placeFlags{where: "local:~/card"}, nil)
	if err != nil || at.device.Folder() != filepath.Join(home, "card") {
		t.Errorf("%v, %v", at.device.Folder(), err)
	}
	c, err := (&channelFlags{}).open(nil, "local:~/site")
	if err != nil || c.String() != filepath.Join(home, "site") {
		t.Errorf("%v, %v", c, err)
	}
}

// The home of a host is its own.
func TestHomeOfHost(t *testing.T) {
	s := sshtest.Start(t)
	conn, err := remote.Dial(t.Context(), s.Host, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want, err := deploy.NewHost(conn, "edgec/x")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := deploy.NewHost(conn, "~/edgec/x"); err != nil || got.Folder() != want.Folder() || strings.Contains(got.Folder(), "~") {
		t.Errorf("%v, want %v; %v", got.Folder(), want.Folder(), err)
	}
}
