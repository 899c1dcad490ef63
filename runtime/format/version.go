package format

// Version returns the version of the format that Encode writes and that Decode
// reads: a reader refuses files of another major version.
func Version() (major, minor int) { return version >> 4, version & 15 }

// Is reports whether data starts as a file of this format does, whole or not.
func Is(data []byte) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }
