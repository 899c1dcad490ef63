package cli

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// versionInfo says which edgec this is.
type versionInfo struct {
	Version string `json:"version"`          // of the module; "devel" for a working copy
	Commit  string `json:"commit,omitempty"` // where it was built from a repository
	Changed bool   `json:"changed,omitempty"`
	Format  string `json:"format"` // of the files that it writes
	Go      string `json:"go"`
	System  string `json:"system"`
	Kernels string `json:"kernels"` // that dense layers of a network run on here
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints the version of edgec, the commit that it was built from, the version of the
file format that it writes, the version of Go, and the micro-kernels that networks
run on here. edgec --version and edgec -v do the same.`,
		Args: needs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.version() },
	}
}

// version prints which edgec this is.
func (a *app) version() error {
	v := readVersion()
	if a.json {
		return a.printJSON(v)
	}
	rows := []string{"edgec\t" + v.Version}
	if v.Commit != "" {
		changed := ""
		if v.Changed {
			changed = ", with changes"
		}
		rows = append(rows, "commit\t"+v.Commit+changed)
	}
	return a.table(append(rows, "format\t"+v.Format, "go\t"+v.Go, "system\t"+v.System, "kernels\t"+v.Kernels))
}

func readVersion() versionInfo {
	major, minor := format.Version()
	kernels, err := kernel.Level()
	if err != nil {
		kernels = err.Error()
	}
	v := versionInfo{Version: "devel", Format: fmt.Sprintf("%d.%d", major, minor), Go: goruntime.Version(), System: goruntime.GOOS + "/" + goruntime.GOARCH, Kernels: kernels}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if s := info.Main.Version; s != "" && s != "(devel)" {
		v.Version = s
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Changed = s.Value == "true"
		}
	}
	return v
}
