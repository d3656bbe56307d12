package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// The causes that a test cannot bring about on a healthy server.
func TestDriversErrorsAreTranslatedByCode(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]struct {
		code   grove.Code
		reason string
	}{
		"53100": {grove.Unavailable, grove.ReasonDiskFull},
		"53300": {grove.Unavailable, "database_busy"},
		"55P03": {grove.Unavailable, "database_busy"},
		"40001": {grove.Unavailable, "database_busy"},
		"08006": {grove.Unavailable, "database_unreachable"},
		"57P01": {grove.Unavailable, "database_unreachable"},
		"23505": {grove.Conflict, "exists_already"},
		"23503": {grove.NotFound, "not_found"},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			driver := &pgconn.PgError{Code: state, Message: "what the server says"}
			err := store.Fault(fmt.Errorf("on the way: %w", driver))
			refused(t, err, want.code, want.reason)
			if !errors.Is(err, driver) {
				t.Error("the cause is lost for the log")
			}
		})
	}
}

func TestWhatIsNoFaultOfTheDatabaseStaysAsItIs(t *testing.T) {
	t.Parallel()
	ok(t, store.Fault(nil))
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, grove.Errorf(grove.Forbidden, "no", "no")} {
		if got := store.Fault(err); !errors.Is(got, err) || grove.HasReason(got, "not_found") {
			t.Errorf("%v became %v", err, got)
		}
	}
	syntax := store.Fault(&pgconn.PgError{Code: "42601"})
	if grove.AsError(syntax).Code != grove.Internal {
		t.Errorf("a mistake of ours became %v", syntax)
	}
}
