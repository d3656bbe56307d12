package web_test

import (
	"testing"
)

func TestTheFleetIsSeenAtAGlance(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.dressed("fleet")
}
