package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// passwordMemory is what minisign's form of passwords takes, in bytes.
const passwordMemory = 1 << 30

// warnMemory warns if the system might end this process for its memory while it encrypts or decrypts
// a key.
func (a *app) warnMemory() {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return // not Linux
	}
	if free, ok := freeMemory(string(text)); ok && free < passwordMemory {
		a.warn(fmt.Sprintf("a key with a password takes 1 GiB of memory for some seconds, and %d MiB are free here; if the system ends edgec, use another machine", free>>20))
	}
}

// freeMemory returns how many bytes a process may still take, as /proc/meminfo says.
func freeMemory(meminfo string) (bytes int64, ok bool) {
	for line := range strings.Lines(meminfo) {
		f := strings.Fields(line)
		if len(f) == 3 && (f[0] == "MemAvailable:" || f[0] == "SwapFree:") && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 40)
			if err != nil {
				return 0, false
			}
			bytes, ok = bytes+n<<10, ok || f[0] == "MemAvailable:"
		}
	}
	return bytes, ok
}
