package chaos

// DefaultDisk is large enough for nodes that refuse writes when their disk has less than some GiB
// left. Images have holes: it takes only what is written.
const DefaultDisk = 16 << 30

// Config says what a run breaks.
type Config struct {
	Nodes int    // 3 if 0
	Disk  int64  // bytes of each node's disk, DefaultDisk if 0
	FS    string // of the disks: ext4 or xfs, ext4 if empty
	// where the images of the disks lie, the directory for temporary files if empty
	Dir      string
	lie      bool              // syncs of the nodes do nothing: for tests of the tests
	Settings map[string]string // Kafka's broker settings of all nodes
}

// replicas is how many each partition has.
const replicas = 3

// partitions of the topics under load, and of those that are probed: there are fewer of these, for
// porcupine.
const (
	loaded = 3
	probed = 2
)
