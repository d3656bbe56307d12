package broker

import (
	"context"
	"testing"
)

// Else a guest could answer the commands of the owner in the printer's name.
func TestWhoOnlyLooksIsAnsweredAlone(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.request = func(_ context.Context, a asked) { a.reply([]byte("refused")) }
	guest, again, deaf, owner := r.join(t, connect{user: "u_3", id: "a"}), r.join(t, connect{user: "u_3", id: "b"}), r.join(t, connect{user: "u_3", id: "c"}), r.join(t, connect{user: "u_1"})
	for _, w := range []*wire{guest, again, owner} {
		w.subscribe(0, "#")
	}
	guest.publish(requestA1, pauseA1)
	guest.hears(reportA1, "refused")
	again.hearsNothing()
	owner.hearsNothing()
	deaf.publish(requestA1, pauseA1)
	deaf.hearsNothing()
}
