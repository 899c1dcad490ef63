package search

import "time"

// Every constant of the search, with its unit, its meaning and where it comes
// from. "Measured" means that rows of docs/BENCHMARKS.md were compared with other
// values; docs/TUNING.md says what each is worth.

// Held-out samples.
const (
	heldOutFold     = 6      // 1 of so many training samples is held out
	mostHeldOut     = 10_000 // samples; a standard error of 0.1 points at 1 % errors needs no more
	fewestJudged    = 1000   // samples that a step is judged by, where a large network meets part of them
	judgeWork       = 5e11   // multiplications of judging a step that later ones put right
	fewestFallback  = 200    // held-out samples of a fallback file of a large network
	fallbackWork    = 2e10   // multiplications of measuring a fallback file
	distortedCopy   = 1000   // the number of a distorted copy that training never meets
	mostKnown       = 2.0    // points that the float network may be better on held-out samples than on the test part, for its error to be taken from there
	mostMemory      = 0.1    // points that a margin is corrected by for memorization; measured: the two LeNets know 0.4 and 0.5 points, their answers 0.2
	memorizedBelow  = 10_000 // training samples below which a network is taken to know them by heart
	teacherWork     = 4e12   // multiplications of asking the teacher
	fewestTaught    = 1000   // samples that any teacher is asked about
	loaderBatch     = 256    // the largest batch that a loader makes
	samplesAtOnce   = 16     // samples that a goroutine reads in one go
	inputSamples    = 64     // samples that measure the inputs of weights
	calibrations    = 1024   // samples that observe the activations
	calibrationPart = 64     // samples of a batch of calibration
	secondMoments   = 8192   // samples that measure the second moments of inputs
	momentFloats    = 1 << 25
)

// Augmentation. A picture is trained on in usualAugmentations forms. When no drop
// is asked for, samples of all kinds are, and where there are few in so many forms
// that augmentedPictures come together, or, of other kinds, mixedSamples: mixes
// are not what a network will meet, and where samples are not few they do more
// harm than good if they outnumber them.
const (
	usualAugmentations = 6
	mostAugmentations  = 40
	augmentedPictures  = 600_000
	mixedSamples       = 20_000
	augmentedBytes     = 512 << 20 // memory
)

// Training. Samples and multiplications forward; see Study.steps.
const (
	scoreSamples  = 30_000 // while channels are scored
	roundSamples  = 150_000
	runSamples    = 900_000 // of a one-shot pruning run
	tuneSamples   = 300_000
	stageWork     = 1e12
	roundWork     = stageWork / 3 // rounds only show the way
	cheapTraining = 2e11          // multiplications below which a network gets up to mostRepeats times the samples
	mostRepeats   = 4
	mostEpochs    = 40 // over each form of the samples
	fewestSteps   = 20
	scoreBatch    = 128 // of learning-rate search and channel pruning
	tuneBatch     = 256 // of pruning and fine-tuning; the Fisher information of a sample is tuneBatch times Adam's v, or in proportion to it
	smallestBatch = 16
	trainingBytes = 600 << 20 // of activations and their gradients
	averageScores = 0.98      // decay of the running average while channels are scored
	averageRounds = 0.998
)

// budgets of a training run: samples as far as the work goes.
var (
	scoreTraining   = training{scoreSamples, stageWork, 0.1}
	roundTraining   = training{roundSamples, roundWork, 0.12}
	runTraining     = training{runSamples, stageWork, 0.5}                                    // of the sparsity search
	finalTraining   = training{2 * runSamples, 2 * stageWork, 0.5}                            // of the last runs
	fileTraining    = training{tuneSamples, stageWork / 2, 0.4}                               // of a file, in which training repairs little
	trialTraining   = training{tuneSamples / 4, stageWork / 8, 0.07}                          // of a learning rate
	leastRunSamples = 50_000                                                                  // below which a run is not worth its time
	budgetShares    = struct{ judge, round, prune, rest, file float64 }{.05, .3, .6, .7, .92} // of the time, after which stages stop
)

// Learning rates.
const (
	topRate         = 2e-3 // of Adam, tried first
	rateStep        = 3.0  // the factor between learning rates that are tried
	mostRests       = 8    // times that a rest of the budget is used
	mostWarmups     = 4    // learning rates below the first
	warmupDrop      = 0.5  // points above the accepted drop that a learning rate may cost
	warmupDistance  = 20.0 // the same where distances from the float network's own outputs count, most of which go when the rate falls
	tuneRateDivisor = 5.0  // of the rate of pruning, for fine-tuning
	tuneFloor       = 0.01 // of the rate, at the end
	firstTrial      = topRate / 5
	mostTrials      = 5
	runFloor        = 0.003 // of the rate, at the end of a one-shot run
	limitRate       = 1.5   // the factor of a one-shot run at limits: a very sparse network bears more
)

// Channel pruning. Of the accepted drop it may use up channelShare: single weights
// are pruned to less loss for a byte of the file. While fine-tuning costs more
// than slowTraining multiplications forward, the time that narrower layers save is
// worth a larger part; below narrowTraining there is none to save.
const (
	channelShare     = 0.3
	slowChannelShare = 0.65
	slowTraining     = 2.5e11
	narrowTraining   = 1e11
	limitsDrop       = 0.5  // points; stands for the accepted drop when limits alone are asked for
	cutRest          = 0.6  // of the cost, that a cut leaves
	deepCutRest      = 0.45 // the same, of an expensive network
	finestCutRest    = 0.9  // after which no finer cut is tried
	mostCuts         = 16
)

// Iterative pruning.
const (
	roundSlack    = 0.1  // points above the accepted drop that a round may be: cooling the learning rate down wins some back
	roundRest     = 0.5  // of the weights, that a round keeps
	limitRest     = 0.25 // the same where there is no drop to find
	finestRest    = 0.8  // after which no finer round is tried
	fewestWeights = 8
	thinnedRest   = 0.25 // of the weights, at which the runtime keeps layers as lists
)

// One-shot pruning. After runSettle of the steps the masks stay; after runHold the
// learning rate falls.
const (
	runSettle   = 0.65
	runHold     = 0.55
	limitRamp   = 0.4 // of the steps, at which thresholds have arrived in a run at limits; most of its time goes to the sparse network
	mostThinner = 4.0 // times sparser than its origin, of a run without the training to thin out the densest state
)

// correctionPoints are the fractions of a run at limits at which channels that pruning has
// emptied are removed, and, up to runSettle, the cost is measured and the number of weights
// corrected.
var correctionPoints = []float64{0.2, 0.3, limitRamp, 0.47, 0.54, 0.6, 0.63, runSettle, 1}

// Sparsity search.
const (
	sparsityStride    = 1.5 // ratio of numbers of weights that are tried
	sparsityPrecision = 1.2 // ratio of the fewest that are good and the most that are not, at the end
	mostRuns          = 5   // or 1, where each takes half the work of a stage, until one is good
	moreRuns          = 2   // until one is good
	finalShare        = 0.85
	mostFinal         = 3
)

// Values of weights, in bits on average.
const (
	firstBits    = 3.4 // serves most networks
	fineBits     = 4.2
	mostBits     = 7.0
	distanceBits = 5.4 // first bits where outputs are numbers
	changeBits   = 0.5 // more or fewer than planned, to make a file fit
	mostRounding = 1.0 // points lost by rounding that are never too many
)

var (
	coarseBits  = []float64{3, 2.6}
	finestBits  = []float64{5, 6} // of the densest run
	rescueBits  = []float64{firstBits, 5}
	rescuedLast = 3 // states that a fallback file is made from
)

// Utilization of the tightest limit: of the size, and of the time, of which two
// measurements differ by some percent. The enough ones will do.
const (
	sizeUtilization       = 0.985
	enoughSizeUtilization = 0.97
	timeUtilization       = 0.93
	enoughTimeUtilization = 0.9
	roundedUtilization    = 0.998 // of a size, by rounded weights; fine-tuning hardly changes it
	enoughRounded         = 0.9965
)

// Rate-distortion rounding. lambda is in loss for a bit: at the least nothing is
// lost, at the most nothing is left.
const (
	leastLambda      = 1e-12
	mostLambda       = 1
	lambdaSteps      = 8  // bisections of its logarithm, which find the largest that will do to 11 %
	mostLambdas      = 20 // that are tried for a limit
	roundedSpan      = 8  // of the int8 file, 1/roundedSpan is the least size that is tried: a bit for a weight
	roundedGap       = 1.15
	reassignEvery    = 10   // steps
	reassignFraction = 0.75 // of a fine-tuning of effort 1; in longer ones the number of steps stays, since the loss grows under centroids that keep changing
)

// tolerance says what the loss of a rounded file is worth, in points, or, where
// distances count, in percent of the float network's own error.
type tolerance struct {
	hopeless float64 // it is not fine-tuned if it loses more: most weights have to go, and pruning them by training is worth much more
	enough   float64 // the search ends if it loses no more, beyond doubt, after fine-tuning
}

var (
	classTolerance    = tolerance{hopeless: 8, enough: 1}
	distanceTolerance = tolerance{hopeless: 20, enough: 5}
)

// Latency: how long an inference is measured.
const (
	searchTimes = 100 * time.Millisecond // while the search goes on
	answerTimes = time.Second            // at its end
	fewestTimed = 31                     // runs, after a tenth as long of warm-up
	mostTimed   = 1 << 16
)
