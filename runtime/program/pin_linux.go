package program

import (
	"math/bits"
	goruntime "runtime"
	"syscall"
	"unsafe"
)

// coreSet is a set of cores, as sched_setaffinity(2) has it.
type coreSet [1024 / bits.UintSize]uint

func (c *coreSet) has(core int) bool { return c[core/bits.UintSize]>>(core%bits.UintSize)&1 != 0 }

// affinity gets or sets the cores of this thread.
func (c *coreSet) affinity(call uintptr) bool {
	_, _, err := syscall.RawSyscall(call, 0, unsafe.Sizeof(*c), uintptr(unsafe.Pointer(c)))
	return err == 0
}

// pin keeps the calling goroutine on one core: of those that the process may use the last one
// with the highest clock, since the first ones serve interrupts. release ends that. core is -1
// where the system refuses.
func pin() (core int, release func()) {
	goruntime.LockOSThread()
	var all, one coreSet
	if !all.affinity(syscall.SYS_SCHED_GETAFFINITY) {
		return -1, goruntime.UnlockOSThread
	}
	core, best := -1, -1
	for c := range len(all) * bits.UintSize {
		if !all.has(c) {
			continue
		}
		if clock := (machine{}).number(cpufreq(c) + "cpuinfo_max_freq"); clock >= best {
			core, best = c, clock
		}
	}
	if core < 0 {
		return -1, goruntime.UnlockOSThread
	}
	one[core/bits.UintSize] = 1 << (core % bits.UintSize)
	if !one.affinity(syscall.SYS_SCHED_SETAFFINITY) {
		return -1, goruntime.UnlockOSThread
	}
	return core, func() {
		if all.affinity(syscall.SYS_SCHED_SETAFFINITY) {
			goruntime.UnlockOSThread()
		} // otherwise the thread ends with its goroutine
	}
}

// readlink returns where a symbolic link leads, "" if that is not known.
func readlink(path string) string {
	b := make([]byte, 4096) // longer than any path
	n, err := syscall.Readlink(path, b)
	if err != nil {
		return ""
	}
	return string(b[:max(n, 0)])
}
