package dataset

import "golang.org/x/sys/unix"

// machineMemory returns the bytes of the machine's memory, 0 if they are not known.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
