package web_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestAnOwnerHandsOverACodeThatCouldNotBeMailed(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	owner := visit(t, c.base)
	owner.excuse("/v1/grove-service/live/") // told once more what is in sight when the session has ended
	owner.signIn(demoEmail, demoPassword)
	owner.sees("Printers")
	owner.open("/account/letters")
	owner.sees("Codes and letters", "Nobody waits for a code")
	owner.dressed("letters-none")

	guest := visit(t, c.base)
	guest.excuse("/v1/grove-service/live/")
	guest.open("/")
	guest.fill("E-mail address", demoEmail)
	guest.click("Send me a code instead")
	guest.sees("Code")

	owner.sees("For "+demoEmail, "Counts until")
	owner.dressed("letters")
	guest.fill("Code", regexp.MustCompile(`(?m)^\d{6}$`).FindString(owner.text()))
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

// code is what an authenticator app shows at a time.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	shown, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// taken is the text that the page offers to be copied.
func (v *visitor) taken(label string) string {
	v.t.Helper()
	return js[string](v, fmt.Sprintf(`[...document.querySelectorAll(".take code")].filter(e => e.ariaLabel === %q).at(-1).textContent`, label))
}

func TestAnAuthenticatorAppIsSetUpAndAskedFor(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/account/sign-in")
	v.sees("Authenticator app", "Ways to sign in", "10 characters or more")
	v.dressed("sign-in-ways")
	v.click("Set up an app")
	v.sees("Your password first, so that nobody else does this for you.")
	v.excuse("400")
	v.fill("Your current password", "not my password")
	v.click("Next")
	v.waits("what the server says begins like a sentence", func(string) bool {
		return js[bool](v, `/^[A-Z]/.test(document.querySelector("dialog .banner.bad > .grow")?.innerText ?? "")`)
	})
	v.fill("Your current password", demoPassword)
	v.click("Next")
	v.sees("Scan this with the app.")
	v.dressed("totp-enrol")
	secret := v.taken("Secret for the app")
	v.fill("Code that the app shows", code(t, secret, time.Now()))
	v.click("Switch it on")
	v.sees("Recovery codes", "They are shown this once")
	v.dressed("recovery-codes")
	recovery := js[string](v, `document.querySelector(".codes code").textContent`)
	v.click("I have kept them")
	v.sees("10 recovery codes are left")
	v.dressed("totp-on")

	other := visit(t, c.base)
	other.signIn(demoEmail, demoPassword)
	other.sees("Open your authenticator app")
	other.picture("sign-in-totp")
	other.excuse("400")
	other.fill("Code", "000000")
	other.click("Sign in")
	other.sees("This code is not right, or was used before")
	other.fill("Code", code(t, secret, time.Now().Add(30*time.Second)))
	other.click("Sign in")
	other.sees("Printers", "Ready")

	third := visit(t, c.base)
	third.signIn(demoEmail, demoPassword)
	third.fill("Code", recovery)
	third.click("Sign in")
	third.sees("Printers", "Ready")
	v.open("/account/sign-in")
	v.sees("9 recovery codes are left")
}

func TestAKeyOfThePageOpensTheAPI(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/account/keys")
	v.sees("No keys yet")
	v.dressed("keys-none")
	v.click("Make a key")
	v.fill("What is it for?", "Home Assistant")
	v.click("Print")
	v.dressed("keys-make")
	v.click("Make a key")
	v.sees("It is shown this once")
	v.dressed("keys-made")
	answer := runLine(t, v.taken("curl"))
	if !strings.Contains(answer, `"message":"Success"`) || !strings.Contains(answer, "serial") {
		t.Errorf("the line for a terminal answers %s", answer)
	}
	line := v.taken("curl")
	v.click("I have kept it")
	v.sees("Home Assistant", "all printers", "used just now", "printer:start")
	v.dressed("keys")
	v.click("Revoke")
	v.sees("Revoke “Home Assistant”?")
	v.click("Revoke")
	v.sees("counts no more")
	if answer := runLine(t, line); !strings.Contains(answer, "TOKEN_INVALID") {
		t.Errorf("the revoked key still opens: %s", answer)
	}
}

// runLine runs a line as somebody pastes it into a terminal.
func runLine(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", line+" -sS").CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

func TestWhoGuessesIsToldInWordsHowLongToWait(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.excuse("400", "429")
	v.open("/sign-in?to=/&lang=de")
	v.sees("Stattdessen einen Code schicken", "Ich habe mein Passwort vergessen")
	v.dressed("sign-in-de")
	v.open("/sign-in?to=/&lang=zh")
	v.sees("登录", "忘记密码")
	v.picture("sign-in-zh")
	v.click("English")
	v.sees("Send me a code instead")
	for range 12 {
		if strings.Contains(v.text(), "too many tries") {
			break
		}
		v.fill("E-mail address", demoEmail)
		v.fill("Password", "a guess")
		v.click("Sign in")
		v.sees("Sign in", "E-mail address")
	}
	v.waits("it says how long to wait", func(text string) bool {
		return regexp.MustCompile(`There were too many tries. Wait (one|\d+) (second|minute)s?, then try again`).MatchString(text)
	})
	v.dressed("sign-in-wait")
}

func TestTheFirstPageSpeaksTheLanguageOfItsReader(t *testing.T) {
	t.Parallel()
	c := serve(t)
	v := visit(t, c.base)
	v.open("/setup?lang=de")
	v.sees("Willkommen bei Grove", "Einrichtungscode")
	v.dressed("setup-de")
	v.excuse("403")
	v.fill("Einrichtungscode", "WRONG-CODE")
	v.fill("E-Mail-Adresse", "ann@example.org")
	v.fill("Passwort", password)
	v.click("Mein Konto anlegen")
	v.sees("Das ist nicht der Einrichtungscode")
}

func TestASentenceOfTheServerBeginsAsOneAndNamesStay(t *testing.T) {
	t.Parallel()
	v := visit(t, serve(t, "--demo").base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	for said, want := range map[string]string{
		"there is a machine at 10.0.0.9, but nothing listens on that port": "There is a machine at 10.0.0.9, but nothing listens on that port",
		"waits for its printer (grove printers)":                           "Waits for its printer",
		"cube.gcode.3mf is not there any more":                             "cube.gcode.3mf is not there any more",
		"access_code must be given":                                        "access_code must be given",
		"host must be given and not be empty":                              "host must be given and not be empty",
		"0300_0D00 was reported":                                           "0300_0D00 was reported",
	} {
		got := js[string](v, fmt.Sprintf(`import(document.documentElement.dataset.base + "app/ui/acts.js").then(({ said }) =>
			import(document.documentElement.dataset.base + "app/parts/because.js").then(({ plain }) =>
				%[1]q.startsWith("host") ? said({ message: %[1]q, details: { fields: { host: "" } } }) : plain(%[1]q)))`, said))
		if got != want {
			t.Errorf("%q is shown as %q", said, got)
		}
	}
}
