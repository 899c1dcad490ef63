//go:build !nogeneration

package program

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
	"edgec/runtime/kernel"
)

// generates says whether the program has --generate. The build tag nogeneration leaves it out.
const generates = true

// generate goes on with a text, token by token, and prints it as it comes. A model that takes
// whole sequences sees the last of the text, from its beginning as long as it fits; what is
// behind the text is token 0, which a model that looks back alone does not see. A model that
// takes one token at a time keeps the rest in its state, and may take the place of the token too.
func (j *Job) generate(m *runtime.Model) error {
	s, err := j.session(m)
	if err != nil {
		return err
	}
	g := &generator{s: s, info: m.Info()}
	if err := g.find(); err != nil {
		return err
	}
	text, err := tokensOf(j.Generation.Text, g.info.Labels)
	if err != nil {
		return err
	}
	g.ids = append(slices.Clone(j.Generation.Prompt), text...)
	for _, id := range append(slices.Clone(g.ids), j.Generation.Stop...) {
		if id < 0 || id >= g.classes {
			return Error("token " + itoa(id) + ": the model knows 0 to " + itoa(g.classes-1))
		}
	}
	if len(g.ids) == 0 {
		return Error("there is no token to begin with; give --prompt-ids, or a --prompt in the labels of the model")
	}
	return j.goOn(g)
}

// goOn generates and prints.
func (j *Job) goOn(g *generator) error {
	o, w := &j.Generation, &textWriter{labels: g.info.Labels}
	prompt := len(g.ids)
	if !j.JSON {
		for _, id := range g.ids {
			if err := j.write(w.add(id)); err != nil {
				return err
			}
		}
	}
	started, r := sys.Now(), choices(o.Seed)
	var full error
	for range o.Tokens {
		y, err := g.next()
		if err != nil {
			full = err
			break
		}
		id := r.choose(y, float32(o.Temperature), o.TopK)
		g.ids = append(g.ids, id)
		if !j.JSON {
			if err := j.write(w.add(id)); err != nil {
				return err
			}
		}
		if slices.Contains(o.Stop, id) {
			break
		}
	}
	took, end := sys.Now()-started, append(w.end(), '\n')
	if j.JSON {
		end = g.json(prompt)
	}
	err := j.write(end)
	if err == nil {
		err = full
	}
	if err != nil || j.Note == nil {
		return err
	}
	j.Note(itoa(len(g.ids)-prompt) + " tokens in " + seconds(took))
	return nil
}

// seconds prints a time with two decimals.
func seconds(ns int64) string {
	hundredths := itoa(int(ns/1e7%100) + 100)
	return itoa(int(ns/1e9)) + "." + hundredths[1:] + " s"
}

// json is {"schema":1, "prompt":N, "tokens":[...], "text":"..."}: prompt is how many of the tokens
// were given, text is left out where the model has no labels.
func (g *generator) json(prompt int) []byte {
	b := []byte(Schema + `"prompt":` + itoa(prompt) + `,"tokens":[`)
	w := &textWriter{labels: g.info.Labels}
	var text []byte
	for i, id := range g.ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, itoa(id)...)
		text = append(text, w.add(id)...)
	}
	b = append(b, ']')
	if w.labels != nil {
		b = append(append(b, `,"text":`...), jsonString(string(append(text, w.end()...)))...)
	}
	return append(b, "}\n"...)
}

// generator is a model that says which token is next.
type generator struct {
	s               *runtime.Session
	info            runtime.Info
	token, position int // inputs; position is -1 where there is none
	window          int // tokens that the model takes at once; 1: it goes step by step
	scores          int // output
	classes         int
	ids             []int // of the text
	fed             int   // of these, tokens that a model of steps has seen
	x               []float32
	sum             uint64 // of the state after the last run
}

// find tells which input takes tokens: the first of whole numbers. Another one of whole numbers
// and a single element takes the place of the token. The first output that is no state has the scores.
func (g *generator) find() error {
	g.token, g.position = -1, -1
	for i, shape := range g.info.Inputs {
		n := elements(shape)
		switch {
		case stateOf(g.info, i) >= 0:
		case g.info.Whole[i] && g.token < 0:
			g.token, g.window = i, n
		case g.info.Whole[i] && g.position < 0 && n == 1 && g.window == 1:
			g.position = i
		default:
			return Error("input " + itoa(i) + " is neither a token, its place nor a state; a model that generates takes nothing else")
		}
	}
	if g.token < 0 {
		return Error("the model has no input of whole numbers, which tokens are; it generates no text")
	}
	g.scores = results(g.info)[0]
	n := elements(g.info.Outputs[g.scores])
	if n%g.window != 0 || n/g.window < 2 {
		return Error("output " + itoa(g.scores) + " has " + itoa(n) + " elements for " + itoa(g.window) + " tokens, and no scores of the next one at each; the model generates no text")
	}
	if g.window == 1 && len(g.info.State) == 0 {
		return Error("the model takes one token and has no state; it cannot know what came before")
	}
	g.classes = n / g.window
	g.x = make([]float32, g.window)
	return nil
}

// next returns the scores of the token that follows the text, valid until the next run.
func (g *generator) next() ([]float32, error) {
	if g.window > 1 {
		return g.nextOfWindow()
	}
	for ; g.fed < len(g.ids); g.fed++ {
		g.x[0] = float32(g.ids[g.fed])
		if err := g.s.SetInput(g.token, g.x); err != nil {
			return nil, err
		}
		if g.position >= 0 {
			if most := g.info.Limits[g.position]; most > 0 && g.fed >= most {
				return nil, Error("the model has places for " + itoa(most) + " tokens; generate fewer")
			}
			if err := g.s.SetInput(g.position, []float32{float32(g.fed)}); err != nil {
				return nil, err
			}
		}
		g.s.Run()
		if err := g.kept(); err != nil {
			return nil, err
		}
	}
	return g.s.Output(g.scores), nil
}

// kept returns an error if the last run has left the state as it was: a cache that has no place for
// the token. A model that is not told the place of a token has no such cache.
func (g *generator) kept() error {
	if g.position < 0 {
		return nil
	}
	sum := uint64(1)
	for _, l := range g.info.State {
		for _, v := range g.s.Output(l.Output) {
			sum = sum*0x100000001b3 ^ uint64(math.Float32bits(v))
		}
	}
	was := g.sum
	if g.sum = sum; g.fed > 0 && sum == was {
		return Error("the state of the model keeps " + itoa(g.fed) + " tokens, and has no place for more; generate fewer")
	}
	return nil
}

// nextOfWindow is next for a model that takes whole sequences.
func (g *generator) nextOfWindow() ([]float32, error) {
	seen := g.ids[max(len(g.ids)-g.window, 0):]
	clear(g.x)
	for i, id := range seen {
		g.x[i] = float32(id)
	}
	if err := g.s.SetInput(g.token, g.x); err != nil {
		return nil, err
	}
	g.s.Run()
	at := (len(seen) - 1) * g.classes
	return g.s.Output(g.scores)[at : at+g.classes], nil
}

// choices is a source of random numbers, the same on every machine (splitmix64: Steele, Lea,
// Flood 2014).
type choices uint64

// uniform returns a number from 0 on and below 1, of 24 bits.
func (c *choices) uniform() float32 {
	*c += 0x9e3779b97f4a7c15
	z := uint64(*c)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float32((z^z>>31)>>40) / (1 << 24)
}

// choose returns a token by its scores y: the likeliest, or with a temperature one of the k
// likeliest (0: of all) with its probability, softmax(y / temperature). Probabilities are added
// from the likeliest on, so that every machine chooses the same.
func (c *choices) choose(y []float32, temperature float32, k int) int {
	if k <= 0 || k > len(y) {
		k = len(y)
	}
	if !(temperature > 0) {
		k = 1
	}
	best := largest(y, k)
	if k == 1 {
		return best[0]
	}
	p := make([]float32, k)
	for i, t := range best {
		p[i] = y[t] / temperature
	}
	kernel.Softmax(p, p, k)
	rest := c.uniform()
	for i, v := range p {
		if rest -= v; rest < 0 {
			return best[i]
		}
	}
	return best[0]
}

// generation takes an option of --generate; known reports whether name is one.
func (j *Job) generation(name string, o *option) (known bool, err error) {
	switch name {
	case "-generate":
		j.Action = Generate
		j.Generation.Tokens, err = o.count()
	case "-prompt-ids":
		j.Generation.Prompt, err = o.numbers()
	case "-stop-ids":
		j.Generation.Stop, err = o.numbers()
	case "-prompt":
		j.Generation.Text, err = o.text()
	case "-temperature":
		j.Generation.Temperature, err = o.real()
	case "-top-k":
		j.Generation.TopK, err = o.count()
	case "-seed":
		j.Generation.Seed, err = o.seed()
	default:
		return false, nil
	}
	return true, err
}

// numbers takes a value that is a list of numbers from 0 on, separated by commas.
func (o *option) numbers() (list []int, err error) {
	s, err := o.text()
	for _, part := range strings.Split(s, ",") {
		n, wrong := strconv.Atoi(part)
		if err == nil && (wrong != nil || n < 0) {
			err = Error(o.name + " " + s + ": give numbers from 0 on, separated by commas")
		}
		list = append(list, n)
	}
	return list, err
}

// real takes a value that is a number from 0 to 100.
func (o *option) real() (float64, error) {
	s, err := o.text()
	v, wrong := strconv.ParseFloat(s, 64)
	if err == nil && (wrong != nil || !(v >= 0 && v <= 100)) {
		err = Error(o.name + " " + s + ": give a number from 0 to 100")
	}
	return v, err
}

// seed takes a value that is a number of 64 bits.
func (o *option) seed() (uint64, error) {
	s, err := o.text()
	n, wrong := strconv.ParseUint(s, 10, 64)
	if err == nil && wrong != nil {
		err = Error(o.name + " " + s + ": give a number from 0 on")
	}
	return n, err
}
