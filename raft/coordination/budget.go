package coordination

// Budget is memory that cores share. Safe for any goroutine.
type Budget interface {
	// Take notes that so many bytes are used; negative gives back. What a log holds is taken whatever
	// is left.
	Take(bytes int64)
	// Left is how much may still be taken.
	Left() int64
}

// Account is what one core takes of a budget.
type Account struct {
	budget Budget
	taken  int64
}

// NewAccount makes an account that has taken nothing; a nil budget does not bound it.
func NewAccount(b Budget) Account { return Account{budget: b} }

// Charge takes so many bytes; negative gives back.
func (a *Account) Charge(bytes int64) {
	a.taken += bytes
	if a.budget != nil && bytes != 0 {
		a.budget.Take(bytes)
	}
}

// Room reports whether so many bytes may be taken.
func (a *Account) Room(bytes int64) bool {
	return bytes <= 0 || a.budget == nil || a.budget.Left() >= bytes
}

// Taken is how much was taken and not given back.
func (a *Account) Taken() int64 { return a.taken }

// Close gives everything back.
func (a *Account) Close() { a.Charge(-a.taken) }
