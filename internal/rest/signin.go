package rest

import (
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
)

// signInPolicy lets the form's answer lead to a slicer on the visitor's own machine,
// which browsers count as where a form goes.
const signInPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
	"form-action 'self' http://localhost:* http://127.0.0.1:*; frame-ancestors 'none'"

// maxForm is how large the filled-in form may be.
const maxForm = 16 << 10

// inLanguage is the page as slicers ask for it, /en/sign-in. What the browser asks for
// says more of its language.
var inLanguage = regexp.MustCompile(`^/[a-z]{2,3}([-_][A-Za-z]{2,4})?/sign-in/?$`)

// The steps of the page.
const (
	stepPassword = "password"
	stepMail     = "mail" // ask for a code
	stepCode     = "code"
	stepTOTP     = "totp"
	stepForget   = "forget" // ask for a code that sets a new password
	stepReset    = "reset"
	stepAccept   = "accept" // an invitation
	stepDone     = "done"
)

// signInPage is what is shown, and what the forms bring back.
type signInPage struct {
	speech

	Step     string
	Error    string
	Notice   string
	Account  string
	Key      string // of the second step, or of an invitation
	Redirect string // where the slicer listens, when the visitor's browser shows the page
	Method   string // ticket: the slicer wants a ticket in place of tokens
	Message  string // for the slicer, JSON
	To       string // the page of the dashboard that the visitor wants; empty: it is a slicer that signs in
	Demo     *Hints // whose account everybody knows; nil: this is no demo
	Mail     bool   // whether codes are mailed
	Least    int    // characters of a new password
}

// signInForm is the page with its rules.
type signInForm struct {
	*Router

	page *template.Template
}

func (rt *Router) mountSignIn() {
	f := signInForm{rt, template.Must(template.ParseFS(static, "assets/sign-in.html", "assets/languages.html"))}
	rt.open("/sign-in", "Sign in, in a browser or in a slicer's window", html, f.show)
	o := Op{
		Route: Route{Method: http.MethodPost, Path: "/sign-in", Open: true, SignsIn: true, Unkeyed: UnkeyedPage}, Tag: tagServer, Summary: "The page's form",
		About: "Also at `/{language}/sign-in`. A slicer that shows the page is told by `window.wx.postMessage`; one that listens at `redirect_url` gets a ticket there.",
	}
	Plain(rt, o, Raw{Takes: "application/x-www-form-urlencoded", Gives: "text/html", Also: map[int]string{http.StatusSeeOther: "To the slicer"}}, f.take)
}

// show answers the empty form, or how it went when the slicer sends the browser back.
func (f signInForm) show(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	remember(w, r)
	p := signInPage{speech: speak(r), Step: stepPassword, Redirect: q.Get("redirect_url"), Method: q.Get("method"), To: q.Get("to")}
	if _, err := f.slicer(p.Redirect); p.Redirect != "" && err != nil {
		f.fail(w, r, err)
		return
	}
	if token := q.Get("invitation"); token != "" {
		f.welcome(w, r, token)
		return
	}
	switch result := q.Get("result"); {
	case result == "success":
		p.Step = stepDone
	case result != "":
		p.Error = p.Say("error.slicer")
	}
	f.render(w, http.StatusOK, p)
}

func (f signInForm) render(w http.ResponseWriter, status int, p signInPage) {
	formHeaders(w)
	p.Mail, p.Least = f.Access.Mails(), f.Access.MinPassword()
	if f.Hints.Demo {
		p.Demo = &f.Hints
	}
	w.WriteHeader(status)
	if err := f.page.Execute(w, p); err != nil {
		panic(err)
	}
}

// formHeaders are those of a page whose form is sent without a script. Browsers name
// its origin, by which [Router.fromOwnPage] knows it, only where they may tell this
// server of the page.
func formHeaders(w http.ResponseWriter) {
	htmlHeaders(w, signInPolicy)
	w.Header().Set("Referrer-Policy", "same-origin")
}

// take reads the form and goes one step on.
func (f signInForm) take(w http.ResponseWriter, r *http.Request) {
	if err := readForm(w, r); err != nil {
		f.fail(w, r, err)
		return
	}
	p := signInPage{
		speech: speak(r),
		Step:   r.PostForm.Get("step"), Account: r.PostForm.Get("account"), Key: r.PostForm.Get("key"),
		Redirect: r.PostForm.Get("redirect_url"), Method: r.PostForm.Get("method"), To: r.PostForm.Get("to"),
	}
	if _, err := f.slicer(p.Redirect); p.Redirect != "" && err != nil {
		f.fail(w, r, err)
		return
	}
	if beside := f.beside(p.Step); beside != nil {
		beside(w, r, p)
		return
	}
	t, err := f.prove(r, p)
	switch {
	case err != nil:
		f.refuse(w, r, p, err)
	case t.Wants == access.WantsCode:
		p.Step = stepCode
		f.render(w, http.StatusOK, p)
	case t.Wants == access.WantsTOTP:
		p.Step, p.Key = stepTOTP, string(t.Key)
		f.render(w, http.StatusOK, p)
	default:
		f.handOver(w, r, p, t)
	}
}

// welcome shows the form that makes the account somebody is invited to.
func (f signInForm) welcome(w http.ResponseWriter, r *http.Request, token string) {
	i, err := f.Access.Invited(r.Context(), token, Remote(r.Context()).String())
	if err != nil {
		f.refuse(w, r, signInPage{speech: speak(r), Step: stepPassword}, err)
		return
	}
	f.render(w, http.StatusOK, signInPage{speech: speak(r), Step: stepAccept, Account: i.Email, Key: token})
}

// beside is what answers the steps that sign nobody in.
func (f signInForm) beside(step string) func(http.ResponseWriter, *http.Request, signInPage) {
	switch step {
	case stepMail:
		return func(w http.ResponseWriter, r *http.Request, p signInPage) {
			f.Access.AskCode(p.Account, Remote(r.Context()).String())
			p.Step = stepCode
			f.render(w, http.StatusOK, p)
		}
	case stepForget:
		return func(w http.ResponseWriter, r *http.Request, p signInPage) {
			f.Access.AskReset(p.Account, Remote(r.Context()).String())
			p.Step = stepReset
			f.render(w, http.StatusOK, p)
		}
	case stepReset:
		return f.reset
	case stepAccept:
		return f.accept
	}
	return nil
}

func (f signInForm) reset(w http.ResponseWriter, r *http.Request, p signInPage) {
	err := CountLogin(r.Context(), p.Account)
	if err == nil {
		err = f.Access.Reset(r.Context(), p.Account, r.PostForm.Get("code"), grove.Secret(r.PostForm.Get("password")), Remote(r.Context()).String())
	}
	if err != nil {
		f.refuse(w, r, p, err)
		return
	}
	p.Step, p.Notice = stepPassword, p.Say("reset.done")
	f.render(w, http.StatusOK, p)
}

func (f signInForm) accept(w http.ResponseWriter, r *http.Request, p signInPage) {
	u, err := f.Access.Accept(r.Context(), p.Key, grove.Secret(r.PostForm.Get("password")), r.PostForm.Get("name"), Remote(r.Context()).String())
	if err != nil {
		f.refuse(w, r, p, err)
		return
	}
	f.render(w, http.StatusOK, signInPage{speech: p.speech, Step: stepPassword, Account: u.Email, To: p.To, Notice: p.Say("accept.done")})
}

// prove asks the rules about what was typed.
func (f signInForm) prove(r *http.Request, p signInPage) (access.Tokens, error) {
	ctx, code, remote := r.Context(), r.PostForm.Get("code"), Remote(r.Context()).String()
	if p.Step == stepTOTP {
		return f.Access.SecondStep(ctx, access.SecondStep{Key: grove.Secret(p.Key), Code: code, Client: r.UserAgent(), Remote: remote})
	}
	c := access.Credentials{Account: p.Account, Client: r.UserAgent(), Remote: remote}
	if p.Step == stepCode {
		c.Code = code
	} else {
		c.Password = grove.Secret(r.PostForm.Get("password"))
	}
	if err := CountLogin(ctx, p.Account); err != nil {
		return access.Tokens{}, err
	}
	return f.Access.Login(ctx, c)
}

// refuse shows the same step again with what was wrong.
func (f signInForm) refuse(w http.ResponseWriter, r *http.Request, p signInPage, err error) {
	told := failed(r.Context(), err)
	maps.Copy(w.Header(), told.header)
	p.Error = p.why(told)
	switch p.Step {
	case stepCode, stepReset, stepAccept:
	case stepTOTP:
		if r.PostForm.Get("code") == "" || p.Key == "" {
			p.Step = stepPassword
		}
	default:
		p.Step = stepPassword
	}
	f.render(w, told.status, p)
}

// handOver gives the session to the visitor's browser, which goes on to the dashboard;
// or to the slicer: at its own address, when the visitor's browser shows the page, or
// by a message, when the slicer does.
func (f signInForm) handOver(w http.ResponseWriter, r *http.Request, p signInPage, t access.Tokens) {
	if p.To != "" && p.Redirect == "" {
		to, err := f.Target(r, p.To)
		if err != nil {
			to = "/"
		}
		if _, err := f.SignInBrowser(r.Context(), t); err != nil {
			f.refuse(w, r, p, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	var ticket grove.Secret
	var err error
	if p.Redirect != "" || p.Method == "ticket" {
		if ticket, err = f.Access.HandOver(r.Context(), t); err != nil {
			f.refuse(w, r, p, err)
			return
		}
	}
	if p.Redirect == "" {
		p.Step, p.Account, p.Key, p.Message = stepDone, t.User.Email, "", message(t, ticket)
		f.render(w, http.StatusOK, p)
		return
	}
	u, err := f.slicer(p.Redirect)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	u.Path = path.Join("/", u.Path)
	u.RawQuery = url.Values{"ticket": {string(ticket)}, "redirect_url": {f.address(r) + "/sign-in"}}.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// slicer is where a slicer listens on the visitor's own machine.
func (f signInForm) slicer(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || !onVisitorsMachine(u) {
		return nil, grove.Errorf(grove.Invalid, "target_refused", "redirect_url must be where a slicer listens on your own machine, like http://localhost:13618")
	}
	return u, nil
}

// message is what a slicer is told through its window: tokens, which every version
// knows, or a ticket when it asked for one.
func message(t access.Tokens, ticket grove.Secret) string {
	m := cloudapi.SlicerMessage{Command: "user_login", Data: cloudapi.SlicerLogin{
		Token: t.Access, RefreshToken: t.Refresh,
		ExpiresIn: strconv.Itoa(int(t.ExpiresIn / time.Second)), RefreshExpiresIn: strconv.Itoa(int(t.RefreshExpiresIn / time.Second)),
		User: &cloudapi.SlicerUser{
			UID: strconv.FormatInt(t.User.ID, 10), Name: t.User.Name, Account: t.User.Email, Avatar: t.User.AvatarURL,
		},
	}}
	if ticket != "" {
		m = cloudapi.SlicerMessage{Command: "user_ticket_login", Data: cloudapi.SlicerLogin{Ticket: ticket}}
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}
