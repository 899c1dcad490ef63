package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Share is how many devices a stage has: a number of them, or a part of all.
type Share struct {
	Count   int     // 0: Percent counts
	Percent float64 // 100: all
}

func (s Share) String() string {
	switch {
	case s.Count > 0:
		return strconv.Itoa(s.Count)
	case s.Percent == 100:
		return "all"
	}
	return strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
}

// mostStages bounds the stages of a roll-out.
const mostStages = 32

// ParseShares reads stages such as 1,5,all or 1%,10%,all. Each must not be below the one before,
// as far as that is known.
func ParseShares(text string) (shares []Share, err error) {
	for word := range strings.SplitSeq(text, ",") {
		var s Share
		word = strings.TrimSpace(word)
		number, percent := strings.CutSuffix(word, "%")
		if word == "all" {
			s.Percent = 100
		} else if percent {
			s.Percent, err = strconv.ParseFloat(number, 64)
		} else {
			s.Count, err = strconv.Atoi(number)
		}
		if err != nil || s.Count < 0 || s.Count > MostNamed || s.Count == 0 && !(s.Percent > 0 && s.Percent <= 100) {
			return nil, fmt.Errorf("%q is no stage; give numbers of devices up to %d, parts such as 10%%, and all, as in 1,5,all", word, MostNamed)
		}
		if n := len(shares); n > 0 && (s.Count > 0 && s.Count <= shares[n-1].Count || s.Percent > 0 && s.Percent <= shares[n-1].Percent || s.Count > 0 && shares[n-1].Percent == 100) {
			return nil, fmt.Errorf("stage %v is not larger than %v before it; give rising stages, as in 1,5,all", s, shares[n-1])
		}
		shares = append(shares, s)
	}
	if len(shares) > mostStages {
		return nil, fmt.Errorf("%d stages are given, at most %d are allowed", len(shares), mostStages)
	}
	return shares, nil
}

// fresh is how old the latest report of a device may be that a stage waits for. An older one is
// silent: whether it runs is not known.
const fresh = time.Hour

// stageOf returns the stage with a share, which has all devices of the one before, and at least one
// of those that are known.
func stageOf(s Share, rollout string, before Stage, known []Received) Stage {
	stage := Stage{Number: before.Number + 1, Of: before.Of, Percent: max(s.Percent, before.Percent), Devices: before.Devices}
	least := s.Count
	if least == 0 && !stage.reaches(rollout, known) { // a stage that nobody answers for would say nothing
		least = 1
	}
	var answering, others []string
	for _, r := range known {
		if silent(r) {
			others = append(others, r.Device)
		} else {
			answering = append(answering, r.Device)
		}
	}
	stage.Devices = slices.Clone(before.Devices)
	for _, device := range append(Order(rollout, answering), Order(rollout, others)...) {
		if len(stage.Devices) < least && !slices.Contains(stage.Devices, device) {
			stage.Devices = append(stage.Devices, device)
		}
	}
	return stage
}

// Order returns devices in the order in which a roll-out takes them.
func Order(rollout string, devices []string) []string {
	ordered := slices.Clone(devices)
	slices.SortFunc(ordered, func(a, b string) int { return cmp.Compare(position(rollout, a), position(rollout, b)) })
	return ordered
}

// reaches reports whether one of the known devices that answer is in the stage.
func (s Stage) reaches(rollout string, known []Received) bool {
	return slices.ContainsFunc(known, func(r Received) bool { return !silent(r) && s.Includes(rollout, r.Device) })
}

func silent(r Received) bool { return time.Since(r.At) > fresh }
