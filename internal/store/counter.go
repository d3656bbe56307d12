package store

import (
	"context"

	"github.com/grovecloud/grove"
)

// The counters of numbers that clients and printers read, and what they begin
// with. Far apart, so that one kind is not mistaken for another.
const (
	countUsers    = "users"
	countJobs     = "jobs"
	countProjects = "projects"
	countProfiles = "profiles"
	countMessages = "messages"
	countRights   = "rights" // grows with each change of who may do what

	firstUser    = 1_000_001
	firstJob     = 700_000_001
	firstProject = 160_000_001
	firstMessage = 500_000_001
	firstProfile = 600_000_001

	// maxNumber: printers clamp larger ids and then take each for the same.
	maxNumber = 1<<31 - 1
)

// count gives the next number of a counter. Others that want one of the same
// counter wait until this transaction ends.
func (t *tx) count(ctx context.Context, name string, first int64) (int64, error) {
	n, err := one(ctx, t, scanned[int64], `
		INSERT INTO counters (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
		RETURNING value`, name, first)
	if err == nil && n > maxNumber {
		return 0, grove.Errorf(grove.Unavailable, "numbers_used_up",
			"There are no numbers left for new %s: printers understand none above %d.", name, maxNumber)
	}
	return n, err
}
