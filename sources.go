package edgec

import "embed"

// Sources holds the sources of package edgec/runtime and of the programs,
// from which targets.Build makes programs: they travel inside the tool. Tests
// do not: a pattern cannot leave out _test.go, so that these end in other letters.
//
//go:embed runtime/*[^t].go runtime/*[^s]t.go runtime/*/*[^t].go runtime/*/*[^s]t.go runtime/*/*.[sh] runtime/internal/*/*[^t].go runtime/internal/*/*[^s]t.go runtime/internal/*/*.s targets/device/*[^t].go targets/server/*[^t].go
var Sources embed.FS
