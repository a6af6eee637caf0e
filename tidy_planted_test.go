package troupe

import (
	"testing"

	"github.com/troupe-mq/troupe/e2e/sim/planted"
)

// TestPlantedBugsFindTheirPlaces: the bugs that show what the simulator finds are changes of lines
// as they stand in the code. Who changes such a line adapts its bug.
func TestPlantedBugsFindTheirPlaces(t *testing.T) {
	for _, err := range planted.Misplaced(".") {
		t.Error(err)
	}
}
