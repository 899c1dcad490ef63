//go:build !linux && !darwin

package dataset

// machineMemory returns 0: the system is not asked for the machine's memory.
func machineMemory() int64 { return 0 }
