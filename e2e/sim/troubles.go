package sim

// trouble is a sort of fault.
type trouble int

const (
	powerLoss trouble = iota
	killing
	blackingOut
	splitting
	cutOneWay
	flappingLinks
	badNetwork
	slowingDisk
	fillingDisk
	losingAnswers
	rotting
	stumblingNodes
	handingOver
	intruding
	pausing
	settingClocks
	tearing
	lyingDisk
	shuttingDown
)

// tampers reports whether a fault takes something off a disk that was acknowledged.
func (t trouble) tampers() bool { return t == rotting || t == lyingDisk }

// everyFault are the faults of most worlds, as often as they are drawn.
var everyFault = []trouble{
	powerLoss, powerLoss, killing, killing, blackingOut, splitting, cutOneWay, flappingLinks, badNetwork, slowingDisk, fillingDisk, losingAnswers, rotting,
	stumblingNodes, handingOver, intruding, pausing, settingClocks, settingClocks, tearing, lyingDisk, shuttingDown,
}

// movingFaults are those that meet changes of members half way.
var movingFaults = []trouble{
	powerLoss, killing, killing, splitting, cutOneWay, flappingLinks, slowingDisk, stumblingNodes, handingOver, handingOver, handingOver, handingOver, pausing, shuttingDown, shuttingDown,
}

// votingFaults are those that have elections go wrong half way: disks that are slow, messages that
// reach some only.
var votingFaults = []trouble{
	powerLoss, killing, splitting, splitting, splitting, cutOneWay, cutOneWay, flappingLinks, badNetwork, badNetwork, slowingDisk, slowingDisk, slowingDisk, slowingDisk,
	stumblingNodes, handingOver, pausing, pausing,
}
