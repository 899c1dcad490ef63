package format

// version is the latest, that of the newest row of the table of opcodes or of the newest
// section.
var version = newest(sinceDense, Opcodes()...)

// newest returns the later of v and the versions that have the opcodes first.
func newest(v byte, ops ...Opcode) byte {
	for _, op := range ops {
		v = max(v, op.row().since)
	}
	return v
}

// Version returns the latest version of the format that Encode writes and that Decode
// reads: a reader refuses files of another major version. Files have the lowest minor version
// that has all they hold; see VersionOf.
func Version() (major, minor int) { return int(version >> 4), int(version & 15) }

// VersionOf returns the version that a file says it has; 0.0 if it is none.
func VersionOf(data []byte) (major, minor int) {
	if !Is(data) || len(data) == len(magic) {
		return 0, 0
	}
	return int(data[len(magic)] >> 4), int(data[len(magic)] & 15)
}

// Is reports whether data starts as a file of this format does, whole or not.
func Is(data []byte) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }
