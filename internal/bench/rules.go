package main

import "edgec/internal/ablation"

// What no search of the ablation shows.
const (
	byTime   = "only a time limit or a budget shows it, and the result then depends on the machine"
	byMark   = "a mark, or the end of a scale: there is no other value"
	byMemory = "bounds memory; the networks of the ablation are far below it"
	bySpeed  = "changes the speed alone, no result"
)

// short are the constants that have other values in all searches of the ablation, so that
// these are short. Effort makes no training shorter than fewestSteps batches, which is more
// than a short search of a large network may take; with small batches a training of that
// many multiplications has as many steps as a long one. Fewer samples are calibrated on,
// as fewer are trained on; mostEpochs grows, so that it bounds no more than in long
// searches of many samples.
var short = map[string]float64{
	"tuneBatch":       32,
	"scoreBatch":      16,
	"smallestBatch":   4,
	"fewestSteps":     10,
	"calibrations":    64,
	"calibrationPart": 16,
	"secondMoments":   256,
	"mostEpochs":      400,
}

// gone are constants that the search had, and what took their places.
var gone = []ablation.Aside{
	{Name: "fewestTaught", Reason: "fewestJudged, which was the same number"},
	{Name: "mostRounding", Reason: "classTolerance.enough, the same number for the same question"},
	{Name: "warmupDistance", Reason: "distanceTolerance.hopeless, likewise"},
	{Name: "rescueBits", Reason: "firstBits and finestBits[0]"},
	{Name: "enoughSizeUtilization, enoughTimeUtilization, enoughRounded", Reason: "a rule: a file may be as far below the aim as the aim is below the limit"},
	{Name: "scoreTraining.share, roundTraining.share, trialTraining.share", Reason: "stageShare"},
	{Name: "runTraining.share, finalTraining.share, fileTraining.share", Reason: "runShare"},
	{Name: "finalTraining.samples, finalTraining.work", Reason: "longRun times those of runTraining"},
	{Name: "trialTraining.samples, trialTraining.work", Reason: "those of fileTraining by trialPart"},
}

// rules say what holds between the constants of the search, and which of them are set
// aside. A chain is there where the search is not valid in another order: a loop would
// not begin, or go backwards.
var rules = ablation.Rules{
	Chains: [][]string{
		{"usualAugmentations", "mostAugmentations"},
		{"smallestBatch", "scoreBatch", "tuneBatch"},
		{"calibrationPart", "calibrations"},
		{"cutRest", "finestCutRest"},
		{"roundRest", "finestRest"},
		{"limitRest", "finestRest"},
		{"rampPoints[0]", "rampPoints[1]"},
		{"settlePoints[0]", "settlePoints[1]", "settlePoints[2]", "settlePoints[3]"},
		{"limitRamp", "runSettle"},
		{"firstBits", "mostBits"},
		{"distanceBits", "mostBits"},
		{"classTolerance.enough", "classTolerance.hopeless"},
		{"distanceTolerance.enough", "distanceTolerance.hopeless"},
		{"leastLambda", "mostLambda"},
	},
	Most: map[string]float64{"bits": 8}, // values are int8
	Aside: []ablation.Aside{
		{Name: "distortedCopy", Reason: "names a copy: any number that training does not meet will do"},
		{Name: "samplesAtOnce", Reason: bySpeed},
		{Name: "momentFloats", Reason: byMemory},
		{Name: "outputFloats", Reason: byMemory},
		{Name: "sequenceFloats", Reason: "no network of the ablation carries a state"},
		{Name: "calibrationFloats", Reason: byMemory},
		{Name: "augmentedBytes", Reason: byMemory},
		{Name: "trainingBytes", Reason: byMemory},
		{Name: "smallestBatch", Reason: byMemory},
		{Name: "timedSamples", Reason: byTime},
		{Name: "stageShare", Reason: byTime},
		{Name: "runShare", Reason: byTime},
		{Name: "mostRests", Reason: byTime},
		{Name: "budgetShares.judge", Reason: byTime},
		{Name: "budgetShares.rest", Reason: byTime},
		{Name: "budgetShares.prune", Reason: byTime},
		{Name: "budgetShares.round", Reason: byTime},
		{Name: "budgetShares.file", Reason: byTime},
		{Name: "noDeadline", Reason: byMark},
		{Name: "thinnedRest", Reason: byTime},
		{Name: "rescuedLast", Reason: byTime},
		{Name: "timeUtilization", Reason: byTime},
		{Name: "lambdaSteps", Reason: "only a search without training shows it"},
		{Name: "searchTimes", Reason: byTime},
		{Name: "answerTimes", Reason: byTime},
		{Name: "lostShare", Reason: byTime},
		{Name: "warmUpPart", Reason: byTime},
		{Name: "fewestTimed", Reason: byTime},
		{Name: "mostTimed", Reason: byTime},
		{Name: "grace", Reason: byTime},
		{Name: "fallbackTime", Reason: byTime},
	},
}
