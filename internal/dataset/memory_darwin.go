package dataset

import "golang.org/x/sys/unix"

// machineMemory returns the bytes of the machine's memory, 0 if they are not known.
func machineMemory() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n)
}
