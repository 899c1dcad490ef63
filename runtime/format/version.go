package format

// version is the latest: that of the newest section, opcode or attribute.
var version = latestVersion()

func latestVersion() byte {
	v := byte(max(sinceDense, sinceChannelsLast, sinceScaling, sinceFloats, sinceState))
	for _, row := range rows {
		v = max(v, row.since)
	}
	for _, row := range attributes {
		v = max(v, row.since)
	}
	return v
}

// since returns the first version that has all instructions of f with their attributes,
// and its preprocessing.
func (f *File) since() byte {
	v := byte(oldest)
	if f.Meta.Input.ChannelsLast {
		v = sinceChannelsLast
	}
	if len(f.Scaling) > 0 {
		v = sinceScaling
	}
	for _, t := range f.Inputs {
		if f.Tensors[t].DType == Float32 {
			v = sinceFloats
		}
	}
	if len(f.State) > 0 {
		v = sinceState
	}
	for i := range f.Instrs {
		in := &f.Instrs[i]
		v = max(v, in.Op.row().since)
		if f.Tensors[in.Out].DType == Float32 {
			v = max(v, in.Op.row().sinceFloat)
		}
		flags := in.flags(operands{})
		for a := range attributes {
			if flags.has(attr(a)) {
				v = max(v, attributes[a].since)
			}
		}
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
