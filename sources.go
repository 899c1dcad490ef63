package edgec

import "embed"

// Sources holds the sources of package edgec/runtime and of the device program,
// from which targets.Build makes programs: they travel inside the tool. Build
// leaves tests out.
//
//go:embed runtime/*.go runtime/*/*.[gsh]* runtime/internal/*/*.[gsh]* targets/device/*.go
var Sources embed.FS
