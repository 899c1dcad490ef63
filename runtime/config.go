package runtime

// Config has the limits of a Session. The zero value suits a board of 512 MB such as a
// Raspberry Pi Zero; a negative limit is none. NewSession knows from the shapes what a session
// and its runs take, and refuses what passes a limit with a LimitError before it takes any
// memory.
type Config struct {
	// Memory is the most bytes that a session may take beside the Model (Info.Session).
	// 0: DefaultMemory.
	Memory int64
	// Work is the most steps that a run may take (Info.Work). A multiplication by a weight is
	// one step, and so is an element that is copied, compared or looked up; rounding a sum is
	// 8, and what a pixel, a group and an instruction cost beside their elements 16, 16 and
	// 64. That makes a step 0.2 to 4 nanoseconds on an amd64 desktop. 0: DefaultWork.
	Work int64
}

// The limits of the zero Config: half of the memory of a Raspberry Pi Zero, and more steps than
// twice those of ResNet-50.
const (
	DefaultMemory = 1 << 28
	DefaultWork   = 10_000_000_000
)

// Unlimited returns a Config without limits, for files that the caller made.
func Unlimited() Config { return Config{Memory: -1, Work: -1} }

// LimitError is a network that passes a limit of its caller.
type LimitError struct {
	Field string // of Config: "Memory" or "Work"
	Need  int64  // bytes or steps
	Limit int64
}

// What says what passes which limit, in one line without the package's name or a remedy.
func (e LimitError) What() string {
	if e.Field == "Work" {
		return "a run takes " + itoa(e.Need) + " steps, the limit is " + itoa(e.Limit)
	}
	return "a session takes " + itoa(e.Need) + " bytes of memory, the limit is " + itoa(e.Limit)
}

// Error returns the line, which begins with "runtime: " and ends with the remedy.
func (e LimitError) Error() string {
	return "runtime: " + e.What() + "; raise Config." + e.Field
}

// allows returns a LimitError if a session or its runs take more than c allows.
func (c Config) allows(memory, work int64) error {
	if limit := either(c.Memory, DefaultMemory); limit >= 0 && memory > limit {
		return LimitError{"Memory", memory, limit}
	}
	if limit := either(c.Work, DefaultWork); limit >= 0 && work > limit {
		return LimitError{"Work", work, limit}
	}
	return nil
}

func either(limit, otherwise int64) int64 {
	if limit == 0 {
		return otherwise
	}
	return limit
}
