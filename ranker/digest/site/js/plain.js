// Pages without cards.
showTickCount();
fetchTicks();
