// Pages without cards.
showTickCount();
fetchTicks();
readShelf();
