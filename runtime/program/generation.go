package program

// Generation says how a language model goes on with a text. The zero value generates nothing.
type Generation struct {
	Tokens      int     // how many to generate
	Prompt      []int   // the tokens to begin with, before those of Text
	Text        string  // to begin with, in the model's labels
	Temperature float64 // that scores are divided by: 0: the likeliest token; 1: as the model says
	TopK        int     // choose among so many of the likeliest; 0: all
	Seed        uint64  // of the choices; equal seeds give equal texts on every machine
	Stop        []int   // tokens that end the text
}
