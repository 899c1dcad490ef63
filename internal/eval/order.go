package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

const (
	orderError   = 30   // percent; below it nobody has mixed up the classes
	orderClasses = 1024 // most that are compared
	orderNamed   = 32   // most that a hint lists
	orderFew     = 8    // samples of a class that say nothing
)

// orderHint says in which other order of the classes outputs [n, K] are right, "" if there
// is none. It is a measurement: each class is assigned the output that is largest for most
// of its samples, the surest first. Of c classes this makes c samples right that say
// nothing, so they do not count:
//
//	error = 1 - (right - c) / (n - c)
//
// The order is worth saying if it halves the error, and if there are several classes to order.
// Cost: n K + K^2 log K.
func orderHint(set *dataset.Set, out *tensor.Tensor, percent float64) string {
	n, k := out.Shape[0], out.Shape[1]
	if percent < orderError || k < 2 || k > orderClasses {
		return ""
	}
	var pairs []int // label * K + largest output, of each sample
	for i, l := range set.Labels[:n] {
		pairs = append(pairs, l*k+train.Argmax(out.Data[i*k:(i+1)*k]))
	}
	output, right, seen := assign(pairs, k)
	other := 100 * (1 - float64(right-seen)/float64(max(n-seen, 1)))
	if seen < 2 || n <= 2*seen || other > percent/2 {
		return ""
	}
	hint := fmt.Sprintf("the network tells the classes apart, but in another order: %.1f %% of the samples are right ", 100*float64(right)/float64(n))
	if names := reordered(set.ClassNames, output); names != nil {
		return hint + "with --labels " + strings.Join(names, ",")
	}
	var moved []string
	for l, p := range output {
		if p >= 0 && p != l {
			moved = append(moved, fmt.Sprintf("label %d is output %d", l, p))
		}
	}
	if len(moved) > orderNamed {
		moved = append(moved[:orderNamed], "...")
	}
	return hint + "if " + strings.Join(moved, ", ") + "; number the labels so"
}

// contraryHint says that a yes or no is right the other way round, for the percent of the
// samples that are.
func contraryHint(names []string, percent float64) string {
	hint := fmt.Sprintf("the network says the contrary of the labels: %.1f %% of the samples are right ", percent)
	if other := reordered(names, []int{1, 0}); other != nil {
		return hint + "with --labels " + strings.Join(other, ",")
	}
	return hint + "if 0 and 1 are exchanged in the labels"
}

// assign returns the output of each of k classes, -1 for those without samples, how many
// samples are right then, and how many classes have samples.
func assign(pairs []int, k int) (output []int, right, seen int) {
	count := map[int]int{}
	for _, p := range pairs {
		count[p]++
	}
	order := make([]int, 0, len(count))
	labels := map[int]bool{}
	for p := range count {
		order = append(order, p)
		labels[p/k] = true
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(count[b]-count[a], a-b) })
	output = slices.Repeat([]int{-1}, k)
	taken := make([]bool, k)
	for _, p := range order {
		if l, o := p/k, p%k; output[l] < 0 && !taken[o] {
			output[l], taken[o] = o, true
			right += count[p]
		}
	}
	return output, right, len(labels)
}

// reordered returns names for all outputs: those of the classes in the order of their
// outputs, those of classes without samples in the outputs that are left, and class7 for
// output 7 without a name. It returns nil if there are no names, or names that cannot be
// listed, separated by commas.
func reordered(names []string, output []int) []string {
	if names == nil || len(names) > len(output) || len(output) > orderNamed {
		return nil
	}
	list := make([]string, len(output))
	var left []string
	for l, name := range names {
		if strings.ContainsAny(name, ", \t\n\"'\\") || name == "" {
			return nil
		}
		if output[l] < 0 {
			left = append(left, name)
		} else {
			list[output[l]] = name
		}
	}
	for p := range list {
		switch {
		case list[p] != "":
		case len(left) > 0:
			list[p], left = left[0], left[1:]
		default:
			list[p] = fmt.Sprint("class", p)
		}
	}
	return list
}
