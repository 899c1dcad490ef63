package edgec

import "embed"

// Sources holds the sources of package edgec/runtime and of the programs,
// from which targets.Build makes programs: they travel inside the tool. Build
// leaves tests out.
//
//go:embed runtime/*.go runtime/*/*.[gsh]* runtime/internal/*/*.[gsh]* targets/device/*.go targets/server/*.go
var Sources embed.FS
