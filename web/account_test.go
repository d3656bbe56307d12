package web_test

import (
	"regexp"
	"testing"
)

func TestAnOwnerHandsOverACodeThatCouldNotBeMailed(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	owner := visit(t, c.base)
	owner.signIn(demoEmail, demoPassword)
	owner.sees("Printers")
	owner.open("/account/letters")
	owner.sees("Codes and letters", "Nobody waits for a code")
	owner.dressed("letters-none")

	guest := visit(t, c.base)
	guest.open("/")
	guest.fill("E-mail address", demoEmail)
	guest.click("Send me a code instead")
	guest.sees("Code")

	owner.sees("For "+demoEmail, "Counts until")
	owner.dressed("letters")
	code := regexp.MustCompile(`(?m)^\d{6}$`).FindString(owner.text())
	guest.fill("Code", code)
	guest.click("Sign in")
	guest.sees("Printers", "Ready")

	owner.open("/account/sessions")
	owner.sees("this one", "Chrome · Linux", "End all others")
	owner.dressed("sessions")
	owner.click("End all others")
	owner.sees("End all other sessions?")
	owner.click("End all others")
	owner.sees("All other sessions are ended")
	guest.excuse("401")
	guest.open("/account")
	guest.sees("Sign in")

	owner.open("/account")
	owner.fill("Name", "Dame Oh")
	owner.click("Save")
	owner.sees("Your profile is saved")
	owner.dressed("profile")
}
