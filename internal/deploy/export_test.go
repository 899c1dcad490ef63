//go:build unix

package deploy

import "context"

// Quickly is quickly for the tests of packages that use this one.
func Quickly() Options { return quickly() }

// Made is made for these tests, Script is script.
func Made(kind, name string) Program       { return made(kind, name) }
func Script(name, selfTest string) Program { return script(name, selfTest, "1") }

// AddScenario lets the tests with cuts of power replay do on a device that has two programs, as
// versions 1 and 2. p is what it installs; it fails if fails is true. wrong returns what is wrong
// with a device after a cut, beside its programs; ended says that do had ended before.
func AddScenario(name string, p Program, fails bool, do func(context.Context, Device) error, wrong func(d Device, ended bool) error) {
	sc := scenario{name: name, before: []Program{one, two}, do: func(ctx context.Context, d *disk) error { return do(ctx, d) }, may: []Program{two, p}, must: p}
	if fails {
		sc.may, sc.must, sc.fails = []Program{two}, two, p
	}
	more = append(more, sc)
	also[name] = func(d *disk, ended bool) error { return wrong(d, ended) }
}

// AddCommand lets the tests that kill processes kill do, which runs on the device. It installs a
// program called newer where older runs.
func AddCommand(name string, do func(Device) error) {
	commands[name], onDevice[name] = command{do, "older newer"}, true
}
