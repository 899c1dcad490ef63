// Package deep tells tests how thorough to be. Without EDGEC_DEEP, go test ./...
// covers every subject in under three minutes of CPU time; with it, tests also
// take the large networks, every stage and every seed. CI sets it.
package deep

import (
	"os"
	"testing"
)

// Variable is the environment variable that asks for the slow tests.
const Variable = "EDGEC_DEEP"

// On reports that slow tests are asked for.
func On() bool { return os.Getenv(Variable) != "" }

// Only skips the test unless slow tests are asked for.
func Only(t testing.TB) {
	t.Helper()
	if !On() {
		t.Skip("takes long; set " + Variable + "=1")
	}
}
