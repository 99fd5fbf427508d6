"use strict";(()=>{try{let t=localStorage.getItem("agentos.theme");(t==="light"||t==="dark")&&(document.documentElement.dataset.theme=t)}catch{}})();
