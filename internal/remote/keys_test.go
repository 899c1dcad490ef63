package remote_test

import (
	"os"
	"path/filepath"
	"testing"

	"edgec/internal/remote/sshtest"
)

// A key file that edgec cannot read keeps no other one from working, and is named where none does.
func TestUnreadableKey(t *testing.T) {
	s := sshtest.Start(t)
	bad := filepath.Join(s.Folder, "id_ecdsa")
	if err := os.WriteFile(bad, []byte("PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Folder, "id_rsa"), 0o700); err != nil {
		t.Fatal(err)
	}
	dial(t, s, s.Options)
	if err := os.Remove(filepath.Join(s.Folder, "id_ed25519")); err != nil {
		t.Fatal(err)
	}
	refused(t, s, s.Options, "accepts no key of yours", bad+": is no private key", "ssh-copy-id")
}
