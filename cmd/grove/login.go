package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type loginCmd struct {
	Email    string `arg:"" help:"The account's e-mail address."`
	Password string `name:"password" help:"Better given by GROVE_PASSWORD or typed when asked." placeholder:"TEXT"`
	MailCode bool   `help:"Sign in with a code by e-mail instead of the password."`
}

// Run signs in and keeps the token for the commands that follow.
func (c *loginCmd) Run(ctx context.Context, at *cloud) error {
	cl, k, err := at.open()
	if err != nil {
		return err
	}
	if err := c.signIn(ctx, cl); err != nil {
		return err
	}
	if k.CA != "" {
		if k.CA, err = filepath.Abs(k.CA); err != nil {
			return err
		}
	}
	k.Email, k.Token = c.Email, string(cl.Token())
	if err := at.write(k); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Signed in to %s as %s.\n", cl.URL(), c.Email)
	if broker, err := cl.Broker(); err == nil && at.distrusts(ctx, broker) {
		fmt.Fprintf(os.Stderr, "The certificate of the MQTT broker %s is not trusted, and watch and sim need it. Sign in again with --ca FILE, the ca.pem of the cloud.\n", broker)
	}
	return nil
}

// signIn proves who it is, by whatever the account wants.
func (c *loginCmd) signIn(ctx context.Context, cl *client.Client) error {
	if c.MailCode {
		if err := cl.SendCode(ctx, c.Email); err != nil {
			return err
		}
		return c.byCode(ctx, cl)
	}
	password, err := askPassword(c.Password, "Password: ")
	if err != nil {
		return err
	}
	out, err := cl.Login(ctx, c.Email, grove.Secret(password))
	switch {
	case !grove.HasReason(err, client.ReasonSecondFactor):
		return err
	case out.LoginType == cloudapi.LoginVerifyCode:
		return c.byCode(ctx, cl)
	case out.LoginType == cloudapi.LoginTFA:
		return byApp(ctx, cl, out.TFAKey)
	}
	return err
}

// byCode asks for the code that was mailed.
func (c *loginCmd) byCode(ctx context.Context, cl *client.Client) error {
	code, err := askCode("Code from the e-mail: ")
	if err != nil {
		return err
	}
	out, err := cl.LoginCode(ctx, c.Email, code)
	if grove.HasReason(err, client.ReasonSecondFactor) && out.LoginType == cloudapi.LoginTFA {
		return byApp(ctx, cl, out.TFAKey)
	}
	return err
}

// byApp asks for a code of the authenticator app.
func byApp(ctx context.Context, cl *client.Client, key grove.Secret) error {
	code, err := askCode("Code of the authenticator app, or a recovery code: ")
	if err != nil {
		return err
	}
	_, err = cl.LoginTFA(ctx, key, code)
	return err
}

// distrusts reports whether a broker shows a certificate of a CA that is not known.
// That it is not there is no matter of trust.
func (c *cloud) distrusts(ctx context.Context, broker string) bool {
	trust, err := c.trust()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: trust}
	conn, err := dialer.DialContext(ctx, "tcp", broker)
	if err == nil {
		_ = conn.Close()
	}
	return untrusted(err)
}

// askPassword takes the password given, or asks for it: without echo on a
// terminal, else a line of standard input.
func askPassword(given, prompt string) (string, error) {
	if given != "" {
		return given, nil
	}
	if interactive() {
		return typed(prompt)
	}
	line, err := readLine(os.Stdin)
	if line == "" && err != nil {
		return "", grove.Errorf(grove.Invalid, "no_password", "no password; set GROVE_PASSWORD or type it when asked")
	}
	return line, nil
}

func interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// askCode asks for a code, which may be seen while it is typed: it counts once.
func askCode(prompt string) (string, error) {
	fmt.Fprint(os.Stderr, prompt)
	line, err := readLine(os.Stdin)
	if !interactive() {
		fmt.Fprintln(os.Stderr)
	}
	if line == "" {
		return "", &grove.Error{Code: grove.Invalid, Reason: "no_code", Message: "no code; type it when asked", Err: err}
	}
	return line, nil
}

// readLine takes one line and leaves the next ones to who asks later.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		} else if n == 1 || err != nil {
			return strings.TrimRight(string(line), "\r"), err
		}
	}
}

func typed(prompt string) (string, error) {
	fmt.Fprint(os.Stderr, prompt)
	raw, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(raw), err
}

// newPassword is askPassword for one that nobody can look up: what is typed blind
// is typed twice.
func newPassword(given, prompt string) (string, error) {
	password, err := askPassword(given, prompt)
	if err != nil || given != "" || !interactive() {
		return password, err
	}
	again, err := typed("Once more: ")
	if err == nil && again != password {
		err = grove.Errorf(grove.Invalid, "passwords_differ", "the two passwords differ; nothing was made, run it again")
	}
	return password, err
}

type logoutCmd struct{}

// Run ends the session and removes the token.
func (c *logoutCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.Logout(ctx); err != nil && !errors.Is(err, grove.Unauthenticated) { // else it has ended already
		return err
	}
	name, err := at.file()
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Signed out of %s.\n", cl.URL())
	return nil
}

type setupCmd struct {
	Code     string `arg:"" help:"The one-time code that grove serve printed."`
	Email    string `arg:"" help:"The owner's e-mail address."`
	Name     string `help:"The owner's name." placeholder:"TEXT"`
	Password string `name:"password" help:"Better given by GROVE_PASSWORD or typed when asked." placeholder:"TEXT"`
}

// Run makes the first owner.
func (c *setupCmd) Run(ctx context.Context, at *cloud) error {
	cl, k, err := at.open()
	if err != nil {
		return err
	}
	password, err := newPassword(c.Password, "Password: ")
	if err != nil {
		return err
	}
	u, err := cl.Setup(ctx, cloudapi.SetupRequest{Code: c.Code, Email: c.Email, Password: grove.Secret(password), Name: c.Name})
	if err != nil {
		return err
	}
	return at.show(u, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "%s owns this cloud now. Sign in with: grove login %s %s\n", u.Email, k.flags(), u.Email)
	})
}
