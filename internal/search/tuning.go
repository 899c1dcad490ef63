package search

import "time"

// Every number that the search decides by. The comment of each says its unit, its
// meaning and its source:
//
//	unit; meaning; source
//
// The source is a paper with its section, an estimate that can be checked, or "chosen"
// where nobody has compared it with other values. docs/TUNING.md says what each is
// worth; go run ./internal/bench -ablate measures it, and refuses a constant whose
// comment has another form. Units that begin with "fraction" are in (0, 1), and those
// that begin with "ratio" are above 1: half and double are meant on the scale of the
// odds and of the logarithm. Multiplications are of the forward pass of one sample
// times the number of samples.

// Held-out samples.
const (
	heldOutFold       = 6       // folds; one of this many training samples is held out; chosen
	mostHeldOut       = 10_000  // samples; the most that are held out; a standard error of 0.1 points at an error of 1 %
	outputFloats      = 1 << 26 // floats; the most that the outputs of held-out samples may take, and twice as many those that are taught; chosen, 256 MB
	sequenceFloats    = 1 << 31 // floats; the most activations of all held-out steps of a network with state, which are computed one by one; chosen, seconds
	fewestJudged      = 1000    // samples; the fewest that a step is evaluated on when a later step can correct it, and that a teacher is asked about; chosen
	judgeWork         = 5e11    // multiplications; of such an evaluation, which a large network makes on a part of the samples; chosen
	timedSamples      = 32      // samples; that the float network is timed on; chosen
	fewestFallback    = 200     // samples; the fewest that a fallback file is measured on; chosen
	fallbackWork      = 2e10    // multiplications; of measuring a fallback file; chosen
	distortedCopy     = 1000    // number; of a distorted copy, above those that training meets; chosen
	mostKnown         = 2.0     // points; by how much the float network may be better on held-out samples than on the test part, for its error to be taken from there; chosen
	mostMemory        = 0.1     // points; the largest correction of a margin for memorization; chosen
	teacherWork       = 4e12    // multiplications; of asking the teacher; chosen
	samplesAtOnce     = 16      // samples; read by a goroutine in one go; chosen, it changes no result
	inputSamples      = 64      // samples; that measure the inputs of weights; chosen
	calibrations      = 1024    // samples; that observe the activations; chosen
	calibrationPart   = 64      // samples; of a batch of calibration; chosen
	secondMoments     = 8192    // samples; that measure the second moments of inputs; chosen
	calibrationFloats = 1 << 28 // floats; the most activations of a batch of calibration; chosen, 1 GB
	momentPositions   = 8       // positions; a sample with more counts as several: their inputs differ; chosen
	momentFloats      = 1 << 25 // floats; the most that these samples may take; chosen, 128 MB
)

// Augmentation. A picture is trained on in usualAugmentations distortions. Without a
// drop to keep, samples of all kinds are augmented, and fewer samples more often:
// pictures until augmentedPictures come together, other kinds until mixedSamples do.
// Mixes are not what a network will meet. Where samples are not few, mixes that
// outnumber them do harm.
const (
	usualAugmentations = 6         // copies; of a picture; chosen
	mostAugmentations  = 40        // copies; the most of any sample; chosen
	augmentedPictures  = 600_000   // samples; that pictures come to with their copies, without a drop; chosen
	mixedSamples       = 20_000    // samples; that other samples come to with their mixes, without a drop; chosen
	augmentedBytes     = 512 << 20 // bytes; the most that copies may take; chosen
)

// Training; see Study.steps.
const (
	scoreSamples  = 30_000        // samples; trained on while channels are scored; chosen
	roundSamples  = 150_000       // samples; of a round of iterative pruning; chosen
	runSamples    = 900_000       // samples; of a one-shot pruning run; chosen
	tuneSamples   = 300_000       // samples; of fine-tuning a file; chosen
	stageWork     = 1e12          // multiplications; of a stage, the most whatever its samples; chosen
	roundWork     = stageWork / 3 // multiplications; of a round of iterative pruning, which only shows the way; chosen
	fileWork      = stageWork / 2 // multiplications; of fine-tuning a file, in which training repairs little; chosen
	longRun       = 2             // factor; of the samples and the multiplications of a one-shot run, in the last ones; chosen
	trialPart     = 4             // factor; by which trying a learning rate of rounded weights is shorter than fine-tuning a file; chosen
	cheapTraining = 2e11          // multiplications; a network whose fine-tuning takes fewer is trained on more samples, has no channels cut to save time, and more runs; chosen
	mostRepeats   = 4             // factor; the most by which its samples grow; chosen
	mostEpochs    = 40            // epochs; the most over each copy of the samples; chosen
	fewestSteps   = 20            // steps; of any training; chosen
	briefSteps    = 1000          // steps; that a training too short to prune by is divided into, by smaller batches; chosen
	scoreBatch    = 128           // samples; of a batch of learning-rate search and channel pruning; chosen
	tuneBatch     = 256           // samples; of a batch of pruning and fine-tuning, the largest. The Fisher information of a sample is in proportion to this times Adam's v; chosen
	smallestBatch = 16            // samples; the least that a batch is halved to for its memory; chosen
	trainingBytes = 600 << 20     // bytes; the most that activations and their gradients may take; chosen
	averageScores = 0.98          // fraction; decay of the running average of weights while channels are scored; chosen
	averageRounds = 0.998         // fraction; the same in a round of iterative pruning; chosen
)

// Shares of the time that is left before a deadline.
const (
	stageShare = 0.08 // fraction of the time before a deadline; of scoring channels, a round of iterative pruning or trying a learning rate; chosen
	runShare   = 0.5  // fraction of the time before a deadline; of a one-shot run or of fine-tuning a file; chosen
)

var (
	budgetShares = struct{ judge, round, prune, rest, file float64 }{
		judge: .05, // fraction of the budget; that measuring the float network may take; chosen
		rest:  .7,  // fraction of the budget; after which no more files are begun with its rest; chosen
		prune: .6,  // fraction of the budget; after which the stages stop; chosen
		round: .3,  // fraction of the budget; after which rounding within a drop stops; chosen
		file:  .92, // fraction of the budget; after which files stop; chosen
	}
)

// noDeadline is the share of a strategy that has all of the budget, and at least
// fallbackTime: with little time there is still a file.
const noDeadline = 0 // fraction of the budget; no deadline; a mark

// Learning rates, of Adam.
const (
	topRate         = 2e-3  // learning rate; of pruning, tried first; chosen, twice the default of Kingma and Ba 2015, algorithm 1
	rateStep        = 3.0   // ratio; between learning rates that are tried; chosen
	mostRests       = 8     // times; that the rest of a budget is used; chosen
	mostWarmups     = 4     // trials; of learning rates below the first; chosen
	warmupDrop      = 0.5   // points; that a learning rate may cost above the accepted drop; chosen
	cutRate         = 0.5   // factor; of the rate, while channels are cut; chosen
	tuneRateDivisor = 5.0   // factor; by which fine-tuning, also of rounded weights, begins slower than pruning; chosen
	tuneFloor       = 0.01  // fraction of the rate; at the end of fine-tuning; chosen
	mostTrials      = 5     // trials; of learning rates of rounded weights; chosen
	runFloor        = 0.003 // fraction of the rate; at the end of a one-shot run; chosen
	limitRate       = 1.5   // factor; of the rate in a one-shot run at limits, whose sparse networks bear more; chosen
)

// Channel pruning. It may use up a share of the accepted drop: single weights are
// pruned to less loss for a byte of the file. The time that narrower layers save is
// worth a larger share where fine-tuning takes long; where it takes hardly any, which
// cheapTraining says, there is none to save, and no channels are cut.
const (
	channelShare     = 0.3  // fraction of the drop; that cuts may use up; chosen
	slowChannelShare = 0.65 // fraction of the drop; that cuts may use up in a network whose training is not cheap; chosen
	limitsDrop       = 0.5  // points; stand for the accepted drop when limits alone are asked for; chosen
	cutRest          = 0.6  // fraction of the multiplications; that a cut leaves; chosen
	finestCutRest    = 0.9  // fraction of the multiplications; that the finest cut leaves; chosen
)

// Iterative pruning.
const (
	roundSlack    = 0.1  // points; that a round may be above the accepted drop, since cooling the learning rate down wins some back; chosen
	roundRest     = 0.5  // fraction of the weights; that a round keeps; chosen
	limitRest     = 0.25 // fraction of the weights; that a round keeps where there is no drop to find; chosen
	finestRest    = 0.8  // fraction of the weights; that the finest round keeps; chosen
	fewestWeights = 8    // weights; the fewest that are pruned to; chosen
	thinnedRest   = 0.25 // fraction of the weights; at which the runtime keeps layers as lists; chosen
)

// One-shot pruning. After runSettle of the steps the masks stay; after runHold the
// learning rate falls.
const (
	runSettle   = 0.65 // fraction of the steps; after which the masks stay; chosen
	runHold     = 0.55 // fraction of the steps; after which the learning rate falls; chosen
	limitRamp   = 0.4  // fraction of the steps; in which thresholds rise in a run at limits, most of whose time goes to the sparse network; chosen
	mostThinner = 4.0  // factor; by which a run without the training to thin out the densest state is sparser than its origin; chosen
	fisherFloor = 0.1  // fraction of the mean; that each weight's Fisher information is raised by, since Adam's estimate is noisy where gradients are rare; chosen
)

// In a run at limits channels that pruning has emptied are removed, the cost is measured and
// the number of weights corrected at rampPoints while thresholds rise, and at settlePoints
// between that and runSettle.
var (
	rampPoints   = []float64{0.5, 0.75}             // fraction of limitRamp; at which a run at limits is corrected; chosen
	settlePoints = []float64{0.28, 0.56, 0.8, 0.92} // fraction of the way from limitRamp to runSettle; at which a run at limits is corrected; chosen
)

// Sparsity search.
const (
	sparsityStride    = 1.5  // ratio; between numbers of weights that are tried; chosen
	sparsityPrecision = 1.2  // ratio; of the fewest weights that are good and the most that are not, at the end; chosen
	mostRuns          = 5    // runs; of a search, or one where each takes half the work of a stage; chosen
	moreRuns          = 2    // runs; more until one is good; chosen
	finalShare        = 0.85 // fraction of the weights; of the last good run, that the only one with longer training keeps; chosen
	mostFinal         = 3    // runs; with longer training; chosen
	halfMargin        = 0.5  // fraction of the margin; that files keep where the whole margin cannot be kept; chosen
)

// Values of weights, in bits on average.
const (
	firstBits    = 3.4 // bits; of a value, tried first; chosen
	fineBits     = 4.2 // bits; of a value, where the first are too coarse; chosen
	mostBits     = 7.0 // bits; the most of a value; int8
	distanceBits = 5.4 // bits; of a value, tried first where outputs are numbers; chosen
	changeBits   = 0.5 // bits; the most that a value changes by to make a file fit; chosen
)

var (
	coarseBits  = []float64{3.0, 2.6} // bits; of a value in smaller files of a good run; chosen
	finestBits  = []float64{5.0, 6.0} // bits; of a value in files of the densest run; chosen
	rescuedLast = 3                   // states; that fallback files are made from; chosen
)

// Utilization of the tightest limit: of the size, and of the time, of which two
// measurements differ by some percent. See enough.
const (
	sizeUtilization    = 0.985 // fraction of the size; that a file aims at; chosen
	timeUtilization    = 0.93  // fraction of the time; that a file aims at; chosen
	roundedUtilization = 0.998 // fraction of the size; that rounded weights aim at, whose size fine-tuning hardly changes; chosen
	mostCorrections    = 3     // runs; that are made to use a size up; chosen
)

// Rate-distortion rounding. lambda is in loss for a bit.
const (
	leastLambda      = 1e-12 // loss for a bit; at which nothing is lost; chosen
	mostLambda       = 1.0   // loss for a bit; at which nothing is left; chosen
	lambdaSteps      = 8     // bisections; of the logarithm of lambda, which find the largest that will do; ln(1e12) / 2^8 is 11 %
	mostLambdas      = 20    // trials; of lambda for a limit; chosen
	secantEdge       = 0.1   // fraction of the interval; that a step of the secant stays away from its ends; chosen
	roundedSpan      = 8     // factor; of the int8 file and the least size that is tried; a bit for a weight
	roundedGap       = 1.15  // ratio; of the smallest size that is good and the largest that is not, at the end; chosen
	reassignEvery    = 10    // steps; between assignments of weights to centroids; chosen
	reassignFraction = 0.75  // fraction of the steps; of a fine-tuning of effort 1, in which centroids are assigned. In longer ones their number stays: the loss grows while centroids change; chosen
)

// Inputs of 16 bits.
const (
	refineWork  = 1e11 // multiplications; of ranking layers by what 16 bits of their input win; chosen
	refineDoubt = 2.0  // factor; of the standard errors, by which 8 bits must lose more; chosen, about 95 %
	refineRest  = 0.1  // fraction of what 16 bits win everywhere; that the layers left out may have of it; chosen
)

// tolerance says what the loss of a rounded file is worth, in points, or, where
// distances count, in percent of the float network's own error.
type tolerance struct {
	hopeless float64 // it is not fine-tuned if it loses more: most weights have to go, and pruning them by training is worth much more
	enough   float64 // the search ends if it loses no more, beyond doubt, after fine-tuning
}

var (
	classTolerance    = tolerance{hopeless: 8.0, enough: 1.0}  // points; lost by a rounded file, above which it is hopeless, and up to which it will do; chosen
	distanceTolerance = tolerance{hopeless: 20.0, enough: 5.0} // points; the same where distances count; chosen
)

// The order of units; see lower.Order.
const (
	sortWork   = 1 << 22 // coded weights; of sorting the units of a file, about a tenth of a second; docs/BENCHMARKS.md
	leastClimb = 1 << 20 // coded weights; of moving the units of the answer, the least; chosen
	mostClimb  = 1 << 26 // coded weights; the most, about two seconds; twice as many save 2 more of 1,137 bytes of lenet-5-1200
	climbPart  = 256     // factor; by which it is less than the multiplications of the network over the training samples; chosen
)

// Latency, and time.
const (
	searchTimes = 100 * time.Millisecond // duration; of measuring an inference while the search goes on; chosen
	answerTimes = time.Second            // duration; of measuring an inference at its end; chosen
	lostShare   = 0.25                   // fraction of what the float network knows beyond chance; that a file may lose for a time or a memory alone; chosen
	warmUpPart  = 10                     // factor; by which the warm-up before is shorter; chosen
	fewestTimed = 31                     // inferences; the fewest that are timed; chosen
	mostTimed   = 1 << 16                // inferences; the most that are timed; chosen
)

// grace is how long a search that was stopped may take for its last stages: files
// from the last states if there are none, and measuring the answer.
const grace = 800 * time.Millisecond // duration; of the last stages of a search that was stopped; less than the second that an interruption may take

// fallbackTime is how long a search may take for its first file, whatever the budget.
const fallbackTime = 4 * time.Second // duration; of measuring the float network, and of the int8 file; chosen, for small networks on busy machines
